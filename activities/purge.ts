import { Context } from '@temporalio/activity';
import { recordDeed } from '../db/audit.ts';
import { lockCamera, setCameraState } from '../db/cameras.ts';
import { notePurgeWait, type PurgeWait } from '../db/deletion-health.ts';
import { copiesOf } from '../db/finish-copies.ts';
import { activeHold } from '../db/holds.ts';
import { beginPurge, markForPurge, purgeOf, rowsLeft, storesUntilMs, type PurgedCamera } from '../db/purge.ts';
import { spoolsOf } from '../db/purge-spools.ts';
import { transaction, type Pool, type Transaction } from '../db/sql.ts';
import { errorText } from '../errors.ts';
import { noFailpoint, type Failpoint } from '../recorder/failpoint.ts';
import type { Sealer } from '../security/seal.ts';
import { cameraPrefix } from '../storage/keys.ts';
import { certifyPurge } from './certify-purge.ts';
import { clearPrefix } from './clear-prefix.ts';
import { deleteBatchSize, deleteMarkedFootage } from './delete-footage.ts';
import { readDoubtedClocks, readEndingClocks, type DeletionClockDeps } from './deletion-clocks.ts';
import { restAfterBatch } from './pace.ts';

/** What a purge came to for now. Reasons are sentences. */
export type PurgeStep =
  | { kind: 'done' }
  /** The camera is wanted again: its purge is off. */
  | { kind: 'wanted' }
  | { kind: 'waits'; reason: string; againInMs: number };

export interface PurgeActivities {
  /** Begins a purge that is due and against which no hold stands; `done`: it has begun. */
  startPurge(cameraId: string): Promise<PurgeStep>;
  /** Deletes all that the catalogue names. May be called again and again. */
  deletePurgedFootage(cameraId: string): Promise<{ segments: number; refused: number }>;
  /** Deletes what is left, looks that nothing is, and issues the certificate; `done`: the camera is purged. */
  finishPurge(cameraId: string): Promise<PurgeStep>;
}

export interface PurgeDeps extends DeletionClockDeps {
  db: Pool;
  sealer: Sealer;
  /** Of each camera. */
  maxSegmentsPerSecond?: number;
  failpoint?: Failpoint;
}

/**
 * What takes longer is looked at less often: a spool empties within seconds, a host may come back after weeks, and each
 * look costs some 20 history events. A released hold and a host that is declared destroyed wake the workflow by an
 * update.
 */
const shortestWaitMs = 5_000;
/** The next look comes after an eighth of a purge's age: what took a minute is seen 8 s later at most. */
const lookedAtAge = 8;
const longestWaitMs = 3_600_000;
/** Clocks that are set right are believed within 10 minutes. */
const doubtedWaitMs = 600_000;

export function createPurgeActivities(deps: PurgeDeps): PurgeActivities {
  const failpoint = deps.failpoint ?? noFailpoint;

  return {
    async startPurge(cameraId) {
      // A deletion is due by every clock or by none, and by none while there is something against them.
      const { earlierMs: nowMs, doubt } = await readEndingClocks(deps);
      return transaction(deps.db, async (tx): Promise<PurgeStep> => {
        // A hold is placed under this lock: it is either seen here or refused, since the purge has begun.
        await lockCamera(tx, cameraId);
        const camera = await purgeOf(tx, cameraId);
        // Called again it finds itself begun: a hold cannot bring back to grace what is being deleted.
        const isBegun = camera?.status === 'purging' || camera?.status === 'purged';
        const hold = isBegun ? null : await activeHold(tx, cameraId, nowMs);
        if (hold !== null) {
          const until =
            hold.untilMs === null ? 'until it is released' : `until ${new Date(hold.untilMs).toISOString()}`;
          const reason = `An evidence hold keeps the footage ${until}: ${hold.reason}`;
          await setCameraState(tx, cameraId, 'grace', reason, nowMs);
          return { kind: 'waits', reason, againInMs: waitFor((hold.untilMs ?? Infinity) - nowMs) };
        }
        if (!isBegun && doubt !== null) {
          const reason = `The grace period is over only by clocks that are not trusted. ${doubt}`;
          const isRetired = await setCameraState(tx, cameraId, 'grace', reason, nowMs);
          return isRetired ? { kind: 'waits', reason, againInMs: doubtedWaitMs } : { kind: 'wanted' };
        }
        const begun = await beginPurge(tx, cameraId, { nowMs });
        if (begun.kind === 'wanted') return begun;
        if (begun.kind === 'begun') await recordBegin(tx, cameraId, nowMs);
        if (begun.kind !== 'not-due') return { kind: 'done' };
        const reason = 'The grace period is not over by all clocks.';
        return { kind: 'waits', reason, againInMs: waitFor(begun.dueMs - nowMs) };
      });
    },

    async deletePurgedFootage(cameraId) {
      const camera = await purgeOf(deps.db, cameraId);
      const total = { segments: 0, refused: 0 };
      if (camera === null || camera.status === 'purged') return total;
      return noted(deps, cameraId, async () => {
        let afterMs: number | undefined;
        for (;;) {
          Context.current().heartbeat(afterMs);
          const beganMs = performance.now();
          await markForPurge(deps.db, camera.internalId, deleteBatchSize);
          await failpoint('purge-marked');
          const batch = await deleteMarkedFootage(deps, camera, { cause: 'purge', afterMs });
          if (batch === null) return total;
          for (const { key, error } of batch.refused) deps.log.warn({ key, cause: error }, 'an object was not deleted');
          total.segments += batch.segments;
          total.refused += batch.refused.length;
          afterMs = batch.lastStartMs;
          await restAfterBatch(deps, batch.segments, beganMs);
        }
      });
    },

    finishPurge: (cameraId) => noted(deps, cameraId, () => finish(cameraId)),
  };

  async function finish(cameraId: string): Promise<PurgeStep> {
    const camera = await purgeOf(deps.db, cameraId);
    if (camera === null || camera.status === 'purged') return { kind: 'done' };
    // Nothing may have been stored ever: SeaweedFS makes a bucket with its first object, and cannot list it before.
    await deps.objects.ensureBucket();
    const wait = await unfinished(deps, camera);
    if (wait !== null) {
      const { reason, againInMs } = wait;
      await setCameraState(deps.db, cameraId, 'purging', reason, deps.now());
      await notePurgeWait(deps.db, cameraId, { for: wait.for, reason, nowMs: deps.now() });
      return { kind: 'waits', reason, againInMs };
    }
    await failpoint('cleared');
    const { versioned, locked } = await deps.objects.versioning();
    const isDone = await transaction(deps.db, async (tx) => {
      // Read again under its lock: its counts are of now, and of two that finish it one is first.
      await lockCamera(tx, cameraId);
      const cleared = await purgeOf(tx, cameraId);
      if (cleared?.status !== 'purging') return true;
      // A lock that ended after the rows' turn, or a sweep that is about to note them: they belong in the certificate.
      if ((await rowsLeft(tx, cleared.internalId)) > 0) return false;
      await certifyPurge(tx, deps, cleared, { versioned, locked });
      return true;
    });
    if (!isDone) {
      return { kind: 'waits', reason: 'Its last segments are being noted as deleted.', againInMs: shortestWaitMs };
    }
    await failpoint('certified');
    return { kind: 'done' };
  }
}

/** The end of grace is nobody's deed but the service's; who asked for it, where somebody did, is in it. */
async function recordBegin(tx: Transaction, cameraId: string, nowMs: number): Promise<void> {
  const camera = await purgeOf(tx, cameraId);
  if (camera === null) throw new Error(`the purge of ${cameraId} that was begun is not there`);
  const { tenantId, name, cause, requestedBy, epoch, graceEndedAtMs } = camera;
  const graceEndedAt = graceEndedAtMs === null ? null : new Date(graceEndedAtMs).toISOString();
  const after = { name, cause, requestedBy, epoch, graceEndedAt };
  const values = { before: { name, state: 'grace' }, after: { ...after, state: 'purging' } };
  await recordDeed(tx, { atMs: nowMs, actor: 'service:purge', action: 'purge.begin', tenantId, cameraId, ...values });
}

/** Notes that a step fails, for the status; Temporal tries it again. */
async function noted<Result>(deps: PurgeDeps, cameraId: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    // That a worker stops is no failure of the purge.
    if (Context.current().cancellationSignal.aborted) throw error;
    await notePurgeWait(deps.db, cameraId, { for: 'error', reason: errorText(error), nowMs: deps.now() }).catch(
      (cause: unknown) => {
        deps.log.warn({ err: cause, cameraId }, 'that a purge fails could not be noted');
      },
    );
    throw error;
  }
}

interface Wait {
  for: PurgeWait;
  reason: string;
  againInMs: number;
}

/** What a purge still waits for, or null: every spool is empty, and nothing is stored any more. */
async function unfinished(deps: PurgeDeps, camera: PurgedCamera): Promise<Wait | null> {
  const prefix = cameraPrefix(camera);
  const nowMs = deps.now();
  const againInMs = waitFor((nowMs - camera.begunAtMs) / lookedAtAge);
  const spools = await spoolsOf(deps.db, camera.internalId);
  const open = spools.filter(({ emptiedAtMs, destroyed }) => emptiedAtMs === null && destroyed === null);
  if (open.length > 0) {
    const hosts = open.map(({ hostId, seenMs }) => `${hostId} (last seen ${new Date(seenMs).toISOString()})`);
    return { for: 'spool', reason: `Waits for the spool of ${hosts.join(', ')} to be empty.`, againInMs };
  }
  // Over by every clock or not at all: by one that is fast a job would store into what is certified.
  const { earlierMs } = await readDoubtedClocks(deps);
  const copies = await copiesOf(deps.db, camera.internalId, earlierMs);
  if (copies !== null) {
    const many = copies.jobs === 1 ? 'A finish job has' : `${copies.jobs} finish jobs have`;
    const until = new Date(copies.untilMs).toISOString();
    const reason = `${many} copies of its footage on an encoder's disk, until ${until} at most.`;
    return { for: 'finish-job', reason, againInMs };
  }
  const storesUntil = await storesUntilMs(deps.db, prefix, earlierMs);
  if (storesUntil !== null) {
    const reason = `A finish job that was under way may store an object until ${new Date(storesUntil).toISOString()}.`;
    return { for: 'finish-job', reason, againInMs: waitFor(storesUntil - earlierMs) };
  }
  const refused = await clearPrefix(deps, prefix);
  if (refused === null) return null;
  return { for: 'store', reason: `The object store keeps ${refused.key}: ${refused.error}`, againInMs };
}

function waitFor(ms: number): number {
  return Math.round(Math.min(Math.max(ms, shortestWaitMs), longestWaitMs));
}

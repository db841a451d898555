import { Context } from '@temporalio/activity';
import { recordDeed } from '../db/audit.ts';
import { countCameras } from '../db/reconcile-facts.ts';
import { countSuspects, forgetSettled } from '../db/reconcile-findings.ts';
import {
  beginPass,
  clearApproval,
  endPass,
  forgetPasses,
  reconcileState,
  stopReconcile,
  touchPass,
} from '../db/reconcile-passes.ts';
import { transaction } from '../db/sql.ts';
import { judgePass } from '../domain/reconcile.ts';
import { dayMs } from '../domain/retention.ts';
import { parseObjectKey } from '../storage/keys.ts';
import { readEndingClocks, type DeletionClockDeps, type EndingClocks } from './deletion-clocks.ts';
import { actOnFindings, type ActDeps } from './reconcile-act.ts';
import { lookForForeign } from './reconcile-foreign.ts';
import { lookAtShard, type LookDeps, type LookProgress, type PassClock } from './reconcile-look.ts';

/** A pass as its workflow knows it. */
export interface PlannedPass {
  passId: number;
  dryRun: boolean;
  clock: PassClock;
  shards: number;
  /** What does not fit is looked at again after this time, before anything is done. */
  recheckMs: number;
}

export interface Compared {
  rows: number;
  objects: number;
}

export interface ReconcileActivities {
  /** Begins the next pass, one that was asked for first. @returns null: there is none, or it may not run */
  beginReconcile(work: { scheduled: boolean }): Promise<PlannedPass | null>;
  /** Compares the cameras of one shard. May be called again and again, as all of these. */
  compareShard(pass: PlannedPass & { shard: number }): Promise<Compared>;
  /** Looks for objects of no camera of this catalogue. */
  compareForeign(pass: PlannedPass): Promise<Compared>;
  /** Asks the breaker. @returns after how many ms to act; null: not at all */
  judgeReconcile(pass: PlannedPass, compared: Compared): Promise<number | null>;
  /** Deals with what was found. */
  actOnFindings(pass: PlannedPass, compared: Compared): Promise<void>;
}

export interface ReconcileDeps extends LookDeps, ActDeps, Pick<DeletionClockDeps, 'databaseNow' | 'storeNow'> {
  recheckMs?: number;
  /** A pass that would touch a greater part of what it compared does nothing. */
  maxPercent: number;
}

/** Longer than a job, a commit and a sweep's batch take between an object and its row. */
const usualRecheckMs = 10 * 60_000;
/** A shard of 50 cameras with a year of ten-minute finals is listed in ten minutes. */
const camerasOfAShard = 50;
/** Nothing here makes multipart uploads; what somebody began a day ago in our folders they do not go on with. */
const uploadKeptMs = dayMs;
const keptPassesMs = 400 * dayMs;
const keptSettledMs = 90 * dayMs;

export function createReconcileActivities(deps: ReconcileDeps): ReconcileActivities {
  const beat = (details: unknown): void => Context.current().heartbeat(details);
  return {
    beginReconcile: ({ scheduled }) =>
      beginReconcile(deps, { scheduled, runId: Context.current().info.workflowExecution?.runId ?? '' }),
    compareShard: async (pass) => {
      await touchPass(deps.db, pass.passId, deps.now());
      const resumed = Context.current().info.heartbeatDetails as LookProgress | undefined;
      return lookAtShard(deps, pass, { from: resumed ?? null, beat });
    },
    compareForeign: async (pass) => ({ rows: 0, objects: await lookForForeign(deps, pass, () => beat(null)) }),
    judgeReconcile: (pass, compared) => judgeReconcile(deps, pass, compared),
    actOnFindings: (pass, compared) => {
      const resumed: unknown = Context.current().info.heartbeatDetails;
      return finishPass(deps, pass, compared, { afterId: typeof resumed === 'number' ? resumed : 0, beat });
    },
  };
}

/**
 * The earliest and the latest of the clocks that all deletions go by: a pass ends what is kept in quarantine, and what
 * has expired by clocks that jumped together would go there.
 */
async function readClock(
  deps: ReconcileDeps,
): Promise<{ clock: PassClock } & Pick<EndingClocks, 'doubt' | 'isOfSweep'>> {
  const { earlierMs, laterMs, doubt, isOfSweep } = await readEndingClocks(deps);
  return { clock: { nowMs: earlierMs, latestMs: laterMs }, doubt, isOfSweep };
}

const actor = 'service:reconcile';

export async function beginReconcile(
  deps: ReconcileDeps,
  work: { scheduled: boolean; runId: string },
): Promise<PlannedPass | null> {
  const { stopped } = await reconcileState(deps.db);
  if (stopped !== null) deps.log.error({ ...stopped }, 'reconcile is stopped and waits for an operator');
  const { clock, doubt, isOfSweep } = await readClock(deps);
  // While it is stopped somebody may still look.
  const scheduled = work.scheduled && stopped === null;
  const pass = await transaction(deps.db, (tx) => beginPass(tx, { ...work, scheduled, nowMs: clock.nowMs }));
  if (pass === null) return null;
  const nothing = { rows: 0, objects: 0, found: {}, nowMs: clock.nowMs };
  if (!pass.dryRun && stopped !== null) {
    await endPass(deps.db, pass.id, { state: 'stopped', ...nothing });
    return null;
  }
  if (doubt !== null && !isOfSweep) {
    await stop(deps, pass.id, { reason: 'clock', text: doubt, ...nothing });
    return null;
  }
  if (doubt !== null && !pass.dryRun) {
    // The sweep says what is wrong and waits for an operator; when it runs again the next pass does.
    deps.log.error({ doubt }, 'reconcile waits for the retention sweep');
    await endPass(deps.db, pass.id, { state: 'stopped', ...nothing });
    return null;
  }
  const shards = Math.max(1, Math.ceil((await countCameras(deps.db)) / camerasOfAShard));
  return { passId: pass.id, dryRun: pass.dryRun, clock, shards, recheckMs: deps.recheckMs ?? usualRecheckMs };
}

async function stop(
  deps: ReconcileDeps,
  passId: number,
  end: Compared & { reason: 'clock' | 'too-many'; text: string; found: Record<string, number>; nowMs: number },
): Promise<void> {
  const { reason, text, nowMs, found } = end;
  deps.log.error({ reason, text, ...found }, 'reconcile was stopped before it changed anything');
  await transaction(deps.db, async (tx) => {
    await stopReconcile(tx, { reason, text, atMs: nowMs, found: touchedOf(found) });
    await endPass(tx, passId, { state: 'stopped', rows: end.rows, objects: end.objects, found, nowMs });
    const values = { before: { stopped: null }, after: { reason, text, ...found } };
    await recordDeed(tx, { atMs: nowMs, actor, action: 'reconcile.stop', ...values });
  });
}

/** What is only reported is not touched. */
const touchedOf = ({ missing = 0, catalogue = 0, quarantine = 0 }: Record<string, number>): number =>
  missing + catalogue + quarantine;

export async function judgeReconcile(
  deps: ReconcileDeps,
  pass: PlannedPass,
  compared: Compared,
): Promise<number | null> {
  const { approved } = await reconcileState(deps.db);
  const found = await countSuspects(deps.db, pass.passId);
  const touched = touchedOf(found);
  const nowMs = deps.now();
  await touchPass(deps.db, pass.passId, nowMs);
  if (pass.dryRun) {
    await endPass(deps.db, pass.passId, { state: 'done', ...compared, found, nowMs });
    return null;
  }
  const text = judgePass({ ...compared, touched, approved }, deps.maxPercent);
  // Where nothing is to be looked at again there is nothing to wait for.
  if (text === null) return Object.keys(found).length === 0 ? 0 : pass.recheckMs;
  await stop(deps, pass.passId, { reason: 'too-many', text, found, nowMs, ...compared });
  return null;
}

/** Acts, and ends the pass. */
export async function finishPass(
  deps: ReconcileDeps,
  pass: PlannedPass,
  compared: Compared,
  progress: { afterId: number; beat: (afterId: number) => void },
): Promise<void> {
  const { clock, doubt } = await readClock(deps);
  if (doubt !== null) throw new Error(doubt);
  const done = await actOnFindings(deps, { passId: pass.passId, clock }, progress);
  const uploads = await abortUploads(deps, clock.nowMs);
  await forgetSettled(deps.db, clock.nowMs - keptSettledMs);
  await forgetPasses(deps.db, clock.nowMs - keptPassesMs);
  const found = Object.fromEntries(Object.entries({ ...done, uploads }).filter(([, count]) => count > 0));
  await transaction(deps.db, async (tx) => {
    await clearApproval(tx);
    await endPass(tx, pass.passId, { state: 'done', ...compared, found, nowMs: clock.nowMs });
    if (Object.keys(found).length > 0) {
      await recordDeed(tx, { atMs: clock.nowMs, actor, action: 'reconcile.act', after: found });
    }
  });
  deps.log.info({ ...compared, ...found }, 'bucket and catalogue compared');
}

async function abortUploads(deps: ReconcileDeps, nowMs: number): Promise<number> {
  const old = [];
  for await (const upload of deps.objects.uploads('')) {
    // Others may use the bucket too.
    if (upload.begunMs < nowMs - uploadKeptMs && parseObjectKey(upload.key) !== null) old.push(upload);
  }
  const failures = await deps.objects.removeTraces(old);
  for (const { key, error } of failures) deps.log.warn({ key, cause: error }, 'an unfinished upload was not aborted');
  return old.length - failures.length;
}

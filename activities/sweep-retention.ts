import { setTimeout as sleep } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { recordDeed } from '../db/audit.ts';
import { camerasWithMarkedSegments } from '../db/deletion-ledger.ts';
import { dueFootage, markDue, newestFootageMs, type DueFootage } from '../db/due-footage.ts';
import { takeEndedHolds } from '../db/holds.ts';
import { allTerms, applyShortenings, lockTerms, type CameraTerms } from '../db/retention.ts';
import { noteSweep, stopSweeps, sweepState } from '../db/sweep-state.ts';
import { transaction, type Db, type Pool } from '../db/sql.ts';
import { auditedHold } from '../domain/holds.ts';
import { cutoffMs } from '../domain/retention.ts';
import { moreThanTime, type CameraDue } from '../domain/camera-breaker.ts';
import { doubtedCameras, earliestMs, forecastAheadMs, judgeSweep } from '../domain/sweep-breaker.ts';
import { noFailpoint, type Failpoint } from '../recorder/failpoint.ts';
import { deleteBatchSize, deleteMarkedFootage } from './delete-footage.ts';
import { createFailures } from './failures.ts';
import { readSweepClocks, type SweepClockDeps } from './sweep-clocks.ts';

export interface SweptFootage {
  segments: number;
  bytes: number;
  refused: number;
}

export interface SweepShard {
  /** What was due at this instant is deleted. */
  atMs: number;
  shard: number;
  shards: number;
}

export interface SweepRetentionActivities {
  /** Looks at the clocks and at what is due. @returns as of when to sweep, or null: it is stopped, or was just now */
  planSweep(): Promise<{ atMs: number } | null>;
  /**
   * Deletes what is due of the cameras of one shard. May be called again and again.
   * @throws ApplicationFailure when a camera failed, after all others had their turn; it tells what was swept
   */
  sweepShard(shard: SweepShard): Promise<SweptFootage>;
  /** Notes a sweep, and what the next ones should find. `isWhole` false: a shard failed. */
  completeSweep(sweep: SweptFootage & { atMs: number; isWhole: boolean }): Promise<void>;
}

export interface SweepRetentionDeps extends SweepClockDeps {
  db: Pool;
  /** Of each shard. */
  maxSegmentsPerSecond?: number;
  failpoint?: Failpoint;
}

/** SeaweedFS deletes 3,300 objects a second; four shards at this rate leave the database and the store to others. */
const usualSegmentsPerSecond = 800;

export function createSweepRetentionActivities(deps: SweepRetentionDeps): SweepRetentionActivities {
  return {
    planSweep: () => planSweep(deps),
    async sweepShard(shard) {
      const told = Context.current().info.heartbeatDetails as Partial<SweptUntilNow> | undefined;
      let reached = { ...nothingSwept, ...told };
      try {
        return await sweepShard(deps, shard, reached, (next) => {
          reached = next;
          Context.current().heartbeat(next);
        });
      } catch (error) {
        // After the last try nobody else could say what was deleted.
        throw ApplicationFailure.fromError(error, { details: [reached] });
      }
    },
    completeSweep: (sweep) => completeSweep(deps, sweep),
  };
}

/** What is due by each instant, over all cameras whose footage ages. */
function due(db: Db, cameras: readonly CameraTerms[], atMs: readonly number[]): Promise<DueFootage[]> {
  const plan = cameras.map((terms) => ({
    internalId: terms.internalId,
    cutoffsMs: atMs.map((ms) => cutoffMs(terms, ms)),
  }));
  return dueFootage(db, plan, atMs);
}

const durationOf = (found: readonly DueFootage[]): number => found.reduce((sum, { durationMs }) => sum + durationMs, 0);

/** Of what was found for one instant. */
const dueOfEach = (found: readonly DueFootage[]): CameraDue[] =>
  found.map(({ internalId, durationMs }) => ({ internalId, dueMs: durationMs }));

/** The first step of a sweep: asks the breaker, puts shorter retentions in force, and notes which holds have ended. */
export async function planSweep(deps: SweepRetentionDeps): Promise<{ atMs: number } | null> {
  const state = await sweepState(deps.db);
  if (state.stopped !== null) {
    deps.log.error({ ...state.stopped }, 'the retention sweep is stopped and waits for an operator');
    return null;
  }
  const clocks = await readSweepClocks(deps);
  const atMs = earliestMs(clocks);
  const cameras = await allTerms(deps.db);
  const found = await due(deps.db, cameras, [atMs]);
  const [dueMs, dueOf] = [durationOf(found), dueOfEach(found)];
  const newestMs = await newestFootageMs(deps.db);
  const names = new Map(cameras.map(({ internalId, name }) => [internalId, name]));
  const named = dueOf.map((one) => ({ ...one, name: names.get(one.internalId) ?? '' }));
  const stop = judgeSweep({ ...clocks, ...state, dueMs, dueOf: named, newestMs, cameras: cameras.length });
  if (stop !== null) {
    deps.log.error({ ...stop, dueMs }, 'the retention sweep was stopped before it deleted anything');
    await transaction(deps.db, async (tx) => {
      await stopSweeps(tx, { ...stop, atMs, dueMs, dueOf });
      await recordDeed(tx, { ...byService(atMs), action: 'retention.stop', after: { ...stop, dueMs } });
    });
    return null;
  }
  await transaction(deps.db, async (tx) => {
    const [shortened, ended] = [await applyShortenings(tx, atMs), await takeEndedHolds(tx, atMs)];
    for (const { cameraId, tenantId, days, next } of shortened) {
      const change = { before: { retentionDays: days }, after: { retentionDays: next?.days ?? days } };
      await recordDeed(tx, { ...byService(atMs), action: 'retention.apply', tenantId, cameraId, ...change });
    }
    for (const hold of ended) {
      const { tenantId, cameraId } = hold;
      await recordDeed(tx, { ...byService(atMs), action: 'hold.end', tenantId, cameraId, after: auditedHold(hold) });
    }
  });
  return { atMs };
}

const byService = (atMs: number) => ({ atMs, actor: 'service:retention' });

/** Where a try has come to, which the next one counts on. */
interface SweptUntilNow extends SweptFootage {
  /** The camera with which the next try begins. */
  fromId: number;
  /** What was refused before it: objects that are refused from there on are tried again. */
  refusedBefore: number;
}
export const nothingSwept: SweptUntilNow = { fromId: 0, segments: 0, bytes: 0, refused: 0, refusedBefore: 0 };

/**
 * Sweeps the cameras of one shard in the order of their ids. What is deleted is bounded by what was due when it began.
 * @param sofar where the try before this one came to
 * @param beat told once a batch
 * @throws Error when a camera failed, after all others had their turn
 */
export async function sweepShard(
  deps: SweepRetentionDeps,
  { atMs, shard, shards }: SweepShard,
  sofar: SweptUntilNow,
  beat: (reached: SweptUntilNow) => void,
): Promise<SweptFootage> {
  const { fromId, refusedBefore } = sofar;
  const total: SweptFootage = { segments: sofar.segments, bytes: sofar.bytes, refused: refusedBefore };
  const cameras = (await allTerms(deps.db)).filter(
    ({ internalId }) => internalId % shards === shard && internalId >= fromId,
  );
  const found = new Map((await due(deps.db, cameras, [atMs])).map((one) => [one.internalId, one.segments]));
  // What a sweep that was killed had marked.
  const marked = new Set(await camerasWithMarkedSegments(deps.db));
  const failures = createFailures(deps.log, 'cameras to sweep');
  const next = { fromId, refusedBefore };
  let hasFailed = false;
  const beatNow = (): void => beat({ ...total, ...next });
  for (const camera of cameras) {
    const { internalId, cameraId } = camera;
    const segments = found.get(internalId) ?? 0;
    if (segments === 0 && !marked.has(internalId)) continue;
    // The next try begins at the first camera that failed.
    if (!hasFailed) Object.assign(next, { fromId: internalId, refusedBefore: total.refused });
    const isSwept = await failures.attempt({ cameraId }, async () => {
      await sweepCamera(deps, camera, { atMs, segments }, total, beatNow);
      return true;
    });
    hasFailed ||= isSwept === null;
  }
  beatNow(); // what the last batches came to is in no heartbeat yet
  failures.throwIfAny();
  return total;
}

async function sweepCamera(
  deps: SweepRetentionDeps,
  camera: CameraTerms,
  { atMs, segments }: { atMs: number; segments: number },
  total: SweptFootage,
  beat: () => void,
): Promise<void> {
  const failpoint = deps.failpoint ?? noFailpoint;
  let left = segments;
  let afterMs: number | undefined;
  for (;;) {
    beat();
    const beganMs = performance.now();
    const limit = Math.min(left, deleteBatchSize);
    left -= limit === 0 ? 0 : await markBatch(deps.db, camera.internalId, { atMs, afterMs, limit });
    await failpoint('sweep-marked');
    const batch = await deleteMarkedFootage(deps, camera, { cause: 'retention', afterMs });
    if (batch === null) return;
    for (const { key, error } of batch.refused) deps.log.warn({ key, cause: error }, 'an object was not deleted');
    total.segments += batch.segments;
    total.bytes += batch.bytes;
    total.refused += batch.refused.length;
    afterMs = batch.lastStartMs;
    const leastMs = (batch.segments / (deps.maxSegmentsPerSecond ?? usualSegmentsPerSecond)) * 1000;
    await sleep(Math.max(0, leastMs - (performance.now() - beganMs)));
  }
}

/** A longer retention, a hold or a purge either precedes the mark or waits for it. */
function markBatch(
  db: Pool,
  internalId: number,
  { atMs, ...batch }: { atMs: number; afterMs: number | undefined; limit: number },
): Promise<number> {
  return transaction(db, async (tx) => {
    const terms = await lockTerms(tx, internalId);
    return terms === null ? 0 : markDue(tx, internalId, { ...batch, atMs, cutoffMs: cutoffMs(terms, atMs) });
  });
}

/** The last step of a sweep. */
export async function completeSweep(
  deps: SweepRetentionDeps,
  sweep: Parameters<SweepRetentionActivities['completeSweep']>[0],
): Promise<void> {
  const aheadMs = forecastAheadMs.map((ms) => sweep.atMs + ms);
  const found = await due(deps.db, await allTerms(deps.db), [sweep.atMs, ...aheadMs]);
  // A row that was changed while the sweep ran must not pass as foreseen: it is as little trusted as before one.
  const known = { ...(await sweepState(deps.db)), nowMs: sweep.atMs };
  const doubted = doubtedCameras(dueOfEach(found.filter(({ step }) => step === 0)), known);
  const doubtedIds = new Set(doubted.map(({ internalId }) => internalId));
  const trusted = found.filter(({ internalId }) => !doubtedIds.has(internalId));
  const steps = aheadMs.map((atMs, place) => ({ atMs, by: trusted.filter(({ step }) => step <= place + 1) }));
  const forecast = steps.map(({ atMs, by }) => ({ atMs, dueMs: durationOf(by) }));
  const cameraForecast = steps.flatMap(({ atMs, by }) => moreThanTime(dueOfEach(by), { atMs, sinceMs: sweep.atMs }));
  await noteSweep(deps.db, { ...sweep, forecast, cameraForecast });
  if (sweep.segments > 0 || sweep.refused > 0) deps.log.info({ ...sweep }, 'footage that reached its age was deleted');
}

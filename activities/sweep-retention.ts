import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { recordDeed } from '../db/audit.ts';
import { camerasWithMarkedSegments } from '../db/deletion-ledger.ts';
import { dueByTerms, dueOfEach, newestFootageMs, type DueFootage } from '../db/due-footage.ts';
import { takeEndedHolds } from '../db/holds.ts';
import { allTerms, applyShortenings } from '../db/retention.ts';
import { applyRolling } from '../db/tenants.ts';
import { noteSweep, stopSweeps, sweepState } from '../db/sweep-state.ts';
import { transaction, type Pool } from '../db/sql.ts';
import { auditedHold } from '../domain/holds.ts';
import { moreThanTime } from '../domain/camera-breaker.ts';
import { doubtedCameras, earliestMs, forecastAheadMs, judgeSweep } from '../domain/sweep-breaker.ts';
import { createFailures } from './failures.ts';
import { readSweepClocks, type DeletionClockDeps } from './deletion-clocks.ts';
import { takeTurn, type SweepTurn, type SweepTurnDeps, type SweptFootage } from './sweep-turn.ts';

export type { SweptFootage };

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

export interface SweepRetentionDeps extends DeletionClockDeps, SweepTurnDeps {
  db: Pool;
}

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

const durationOf = (found: readonly DueFootage[]): number => found.reduce((sum, { durationMs }) => sum + durationMs, 0);

/** The first step of a sweep: asks the breaker, puts shorter retentions and rolling grace in force, and notes which holds have ended. */
export async function planSweep(deps: SweepRetentionDeps): Promise<{ atMs: number } | null> {
  const { stopped } = await sweepState(deps.db);
  if (stopped !== null) {
    deps.log.error({ ...stopped }, 'the retention sweep is stopped and waits for an operator');
    return null;
  }
  const clocks = await readSweepClocks(deps);
  const atMs = earliestMs(clocks);
  const cameras = await allTerms(deps.db);
  const found = await dueByTerms(deps.db, cameras, [atMs]);
  const [dueMs, dueOf] = [durationOf(found), dueOfEach(found)];
  const newestMs = await newestFootageMs(deps.db);
  // After the count: a hold that was released meanwhile let go what the count has seen.
  const state = await sweepState(deps.db);
  const names = new Map(cameras.map(({ internalId, name }) => [internalId, name]));
  const named = dueOf.map((one) => ({ ...one, name: names.get(one.internalId) ?? '' }));
  const stop = judgeSweep({ ...clocks, ...state, dueMs, dueOf: named, newestMs, cameras: cameras.length });
  if (stop !== null) {
    deps.log.error({ ...stop, dueMs }, 'the retention sweep was stopped before it deleted anything');
    await transaction(deps.db, async (tx) => {
      await stopSweeps(tx, { ...stop, atMs, dueMs, dueOf });
      const values = { before: { stopped: null }, after: { ...stop, dueMs } };
      await recordDeed(tx, { ...byService(atMs), action: 'retention.stop', ...values });
    });
    return null;
  }
  await transaction(deps.db, async (tx) => {
    const rolling = await applyRolling(tx, atMs);
    const [shortened, ended] = [await applyShortenings(tx, atMs), await takeEndedHolds(tx, atMs)];
    for (const { id: tenantId, graceArchive } of rolling) {
      const change = { before: { graceArchive: 'frozen' }, after: { graceArchive } };
      await recordDeed(tx, { ...byService(atMs), action: 'tenant.apply', tenantId, ...change });
    }
    for (const { before, after } of shortened) {
      const { cameraId, tenantId } = before;
      const change = { before: { retentionDays: before.days }, after: { retentionDays: after.days } };
      await recordDeed(tx, { ...byService(atMs), action: 'retention.apply', tenantId, cameraId, ...change });
    }
    for (const hold of ended) {
      const { tenantId, cameraId } = hold;
      const values = { before: auditedHold(hold, 'active'), after: auditedHold(hold, 'ended') };
      await recordDeed(tx, { ...byService(atMs), action: 'hold.end', tenantId, cameraId, ...values });
    }
  });
  return { atMs };
}

const byService = (atMs: number) => ({ atMs, actor: 'service:retention' });

/** Where a try has come to, which the next one counts on. */
interface SweptUntilNow extends SweptFootage {
  /** The first camera that had no turn yet. */
  fromId: number;
  /** Those before it that are not done: a turn was too short for what they have due, or they failed. */
  leftIds: number[];
  /** What was refused of those before it that are done: objects of the others that are refused are tried again. */
  refusedBefore: number;
}
export const nothingSwept: SweptUntilNow = {
  fromId: 0,
  leftIds: [],
  segments: 0,
  bytes: 0,
  refused: 0,
  refusedBefore: 0,
};

/**
 * Sweeps the cameras of one shard in turns, in the order of their ids: one of which a year is due does not keep the
 * others waiting beyond the hour. What is deleted is bounded by what was due when it began.
 * @param sofar where the try before this one came to
 * @param beat told once a batch
 * @throws Error when a camera failed, after all others were swept
 */
export async function sweepShard(
  deps: SweepRetentionDeps,
  { atMs, shard, shards }: SweepShard,
  sofar: SweptUntilNow,
  beat: (reached: SweptUntilNow) => void,
): Promise<SweptFootage> {
  let { fromId, refusedBefore } = sofar;
  const left = new Set(sofar.leftIds);
  const total: SweptFootage = { segments: sofar.segments, bytes: sofar.bytes, refused: refusedBefore };
  const cameras = (await allTerms(deps.db)).filter(
    ({ internalId }) => internalId % shards === shard && (internalId >= fromId || left.has(internalId)),
  );
  const found = new Map((await dueByTerms(deps.db, cameras, [atMs])).map((one) => [one.internalId, one.segments]));
  // What a sweep that was killed had marked.
  const marked = new Set(await camerasWithMarkedSegments(deps.db));
  const failures = createFailures(deps.log, 'cameras to sweep');
  const beatNow = (): void => beat({ ...total, fromId, leftIds: [...left], refusedBefore });
  // Those that had a turn in the try before come after those that had none.
  const turns: SweepTurn[] = [
    ...cameras.filter((one) => !left.has(one.internalId)),
    ...cameras.filter((one) => left.has(one.internalId)),
  ]
    .filter(({ internalId }) => found.has(internalId) || marked.has(internalId))
    .map((camera) => ({ camera, left: found.get(camera.internalId) ?? 0, afterMs: undefined, refused: 0 }));
  for (const turn of turns) {
    const { internalId, cameraId } = turn.camera;
    const isDone = await failures.attempt({ cameraId }, () => takeTurn(deps, turn, atMs, total, beatNow));
    if (isDone === false) turns.push(turn); // after all others
    if (isDone === true) {
      left.delete(internalId);
      refusedBefore += turn.refused;
    } else left.add(internalId);
    fromId = Math.max(fromId, internalId + 1);
  }
  beatNow(); // what the last batches came to is in no heartbeat yet
  failures.throwIfAny();
  return total;
}

/** The last step of a sweep. */
export async function completeSweep(
  deps: SweepRetentionDeps,
  sweep: Parameters<SweepRetentionActivities['completeSweep']>[0],
): Promise<void> {
  const aheadMs = forecastAheadMs.map((ms) => sweep.atMs + ms);
  // Before the count, which takes seconds: what holds that are released from now on let go it may not have seen.
  const knownEntries = (await sweepState(deps.db)).cameraForecast.length;
  const found = await dueByTerms(deps.db, await allTerms(deps.db), [sweep.atMs, ...aheadMs]);
  // A row that was changed while the sweep ran must not pass as foreseen: it is as little trusted as before one.
  const known = { ...(await sweepState(deps.db)), nowMs: sweep.atMs };
  const doubted = doubtedCameras(dueOfEach(found.filter(({ step }) => step === 0)), known);
  const doubtedIds = new Set(doubted.map(({ internalId }) => internalId));
  const trusted = found.filter(({ internalId }) => !doubtedIds.has(internalId));
  const steps = aheadMs.map((atMs, place) => ({ atMs, by: trusted.filter(({ step }) => step <= place + 1) }));
  const forecast = steps.map(({ atMs, by }) => ({ atMs, dueMs: durationOf(by) }));
  const cameraForecast = steps.flatMap(({ atMs, by }) => moreThanTime(dueOfEach(by), { atMs, sinceMs: sweep.atMs }));
  await noteSweep(deps.db, { ...sweep, forecast, cameraForecast, knownEntries });
  if (sweep.segments > 0 || sweep.refused > 0) deps.log.info({ ...sweep }, 'footage that reached its age was deleted');
}

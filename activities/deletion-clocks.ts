import { databaseNowMs, type ChangeClocks } from '../db/clock.ts';
import type { Db } from '../db/sql.ts';
import { sweepState } from '../db/sweep-state.ts';
import { clockDoubt, earliestMs, longestForecastMs, type SweepClocks } from '../domain/sweep-breaker.ts';
import { errorText } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Objects } from '../storage/objects.ts';

export interface DeletionClockDeps {
  db: Db;
  objects: Objects;
  log: Logger;
  now: () => number;
  /** For tests of time: the database's own clock. */
  databaseNow?: (db: Db) => Promise<number>;
  /** For tests of time: the object store's own clock. */
  storeNow?: (objects: Objects) => Promise<number | null>;
}

/**
 * What time it is by this process, the database and the object store. A store that gives no time is not compared, which
 * the log says: a sweep that waits for it would stop at each outage.
 */
export async function readSweepClocks(deps: DeletionClockDeps): Promise<SweepClocks> {
  const { databaseNow = databaseNowMs, storeNow = (objects) => objects.nowMs() } = deps;
  const storeNowMs = await storeNow(deps.objects).catch((error: unknown) => {
    deps.log.warn({ cause: errorText(error) }, 'the object store was asked for the time in vain');
    return undefined;
  });
  if (storeNowMs === null) deps.log.warn('the object store does not say what time it is; its clock is not compared');
  // Last, since the store may take seconds to answer.
  return { databaseNowMs: await databaseNow(deps.db), nowMs: deps.now(), storeNowMs: storeNowMs ?? null };
}

/** @returns the earliest and the latest of the clocks that a sweep compares, and what speaks against them, or null */
export async function readDoubtedClocks(deps: DeletionClockDeps): Promise<ChangeClocks & { doubt: string | null }> {
  const told = await readSweepClocks(deps);
  const earlierMs = earliestMs(told);
  const laterMs = Math.max(told.nowMs, told.databaseNowMs, told.storeNowMs ?? -Infinity);
  return { earlierMs, laterMs, databaseMs: told.databaseNowMs, doubt: clockDoubt(told) };
}

/** What time it is for what ends once and for good. */
export interface EndingClocks extends ChangeClocks {
  doubt: string | null;
  /** The sweep's state is what speaks against it, and not two clocks that disagree. */
  isOfSweep: boolean;
}

/**
 * The same for what ends once and for good (a grace period, a contract, a month): it waits, too, while a sweep is
 * stopped for its clocks, and where the last sweep is further back than any forecast. Clocks that jump together by years
 * agree with each other; the last sweep's time is what gives them away.
 */
export async function readEndingClocks(deps: DeletionClockDeps): Promise<EndingClocks> {
  const clocks = await readDoubtedClocks(deps);
  const { stopped, lookedMs, resumedMs } = await sweepState(deps.db);
  if (clocks.doubt !== null) return { ...clocks, isOfSweep: false };
  const doubtOfSweep = (doubt: string): EndingClocks => ({ ...clocks, doubt, isOfSweep: true });
  if (stopped !== null && stopped.reason !== 'unpredicted') {
    return doubtOfSweep(`The retention sweep is stopped for its clocks until an operator resumes it: ${stopped.text}`);
  }
  const lastMs = resumedMs ?? lookedMs;
  if (lastMs === null || clocks.earlierMs - lastMs <= longestForecastMs) return { ...clocks, isOfSweep: false };
  const hours = Math.round((clocks.earlierMs - lastMs) / 3_600_000);
  const last = `The last retention sweep was at ${new Date(lastMs).toISOString()}, ${hours} hours ago by all clocks`;
  // One that is stopped looks at no clock: how late it is says nothing of them.
  return doubtOfSweep(
    stopped === null
      ? `${last}: they may have jumped together.`
      : `${last}, since it is stopped; resume it first: ${stopped.text}`,
  );
}

import { databaseNowMs } from '../db/clock.ts';
import type { Db } from '../db/sql.ts';
import type { SweepClocks } from '../domain/sweep-breaker.ts';
import { errorText } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Objects } from '../storage/objects.ts';

export interface SweepClockDeps {
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
export async function readSweepClocks(deps: SweepClockDeps): Promise<SweepClocks> {
  const { databaseNow = databaseNowMs, storeNow = (objects) => objects.nowMs() } = deps;
  const storeNowMs = await storeNow(deps.objects).catch((error: unknown) => {
    deps.log.warn({ cause: errorText(error) }, 'the object store was asked for the time in vain');
    return undefined;
  });
  if (storeNowMs === null) deps.log.warn('the object store does not say what time it is; its clock is not compared');
  // Last, since the store may take seconds to answer.
  return { databaseNowMs: await databaseNow(deps.db), nowMs: deps.now(), storeNowMs: storeNowMs ?? null };
}

import { z } from 'zod';
import { instant, one, type Db } from './sql.ts';

/** Two opinions on what time it is. What deletes goes by the earlier one, what protects until then by the later one. */
export interface Clocks {
  earlierMs: number;
  laterMs: number;
}

/** Also what the database says, which all claims and states are told by: of processes each may be wrong by itself. */
export type ChangeClocks = Clocks & { databaseMs: number };

/** @param deps.databaseNow for tests of time: the database's own clock */
export async function readClocks(
  db: Db,
  deps: { now: () => number; databaseNow?: ((db: Db) => Promise<number>) | undefined },
): Promise<ChangeClocks> {
  const [hereMs, databaseMs] = [deps.now(), await (deps.databaseNow ?? databaseNowMs)(db)];
  return { earlierMs: Math.min(hereMs, databaseMs), laterMs: Math.max(hereMs, databaseMs), databaseMs };
}

/** The database's own clock, in ms since 1970: a second opinion on what time it is. */
export async function databaseNowMs(db: Db): Promise<number> {
  return (await one(db, z.object({ now: instant }), `select clock_timestamp() as now`)).now;
}

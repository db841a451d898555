import { z } from 'zod';
import { instant, one, type Db } from './sql.ts';

/** The database's own clock, in ms since 1970: a second opinion on what time it is. */
export async function databaseNowMs(db: Db): Promise<number> {
  return (await one(db, z.object({ now: instant }), `select clock_timestamp() as now`)).now;
}

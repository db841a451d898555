import type { Db } from '../../db/sql.ts';
import { waitFor } from './wait-for.ts';

/** Waits until a statement of this database waits for what another transaction has locked. */
export async function untilSomebodyWaits(db: Db): Promise<void> {
  await waitFor('a statement waits for a lock', async () => {
    const { rowCount } = await db.query(
      `select from pg_stat_activity where datname = current_database() and backend_type = 'client backend'
         and wait_event_type = 'Lock'`,
    );
    return rowCount === 1;
  });
}

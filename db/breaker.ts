import { AppError } from '../errors.ts';
import { at, type Db, type Transaction } from './sql.ts';

/** Work that deletes and stops itself when it finds far more than it should: a one-row table with these columns. */
export interface Breaker {
  table: 'retention_sweep' | 'reconcile_state';
  /** Column: how much there was when it was stopped. */
  found: string;
  /** Column: how much an operator lets the next run find. */
  approved: string;
  /** For a person. */
  name: string;
}

/** Stops the work until an operator resumes it. */
export async function stopWork(
  db: Db,
  breaker: Breaker,
  stop: { reason: string; text: string; atMs: number; found: number },
): Promise<void> {
  await db.query(
    `update ${breaker.table} set stopped_at = $1::timestamptz, stop_reason = $2::text, stop_text = $3::text,
       ${breaker.found} = $4::bigint`,
    [at(stop.atMs), stop.reason, stop.text, stop.found],
  );
}

/** Lets the work run again, and touch what was found when it was stopped. @throws AppError wrong-state */
export async function resumeWork(tx: Transaction, breaker: Breaker): Promise<void> {
  const { rowCount } = await tx.query(
    `update ${breaker.table} set stopped_at = null, stop_reason = null, stop_text = null,
       ${breaker.approved} = ${breaker.found}, ${breaker.found} = 0
     where stopped_at is not null`,
  );
  if (rowCount !== 1) throw new AppError('wrong-state', `${breaker.name} is not stopped.`);
}

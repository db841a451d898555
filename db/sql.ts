import { DatabaseError, Pool } from 'pg';
import { z } from 'zod';

export type { Pool };

/** What a function needs to run one statement: a pool, a client, or a transaction. */
export interface Db {
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[]; rowCount: number | null }>;
}

const inTransaction = Symbol('inTransaction');
/** A `Db` whose statements belong to one transaction (read committed); only `transaction` makes one. */
export type Transaction = Db & { readonly [inTransaction]: true };

/** A statement that takes this long will not help any more: a commit retries from the spool, a page is given up. */
const statementTimeoutMs = 30_000;

/**
 * A pool of connections.
 * @param options.onError told when an idle connection is lost; without a listener Node would end the process. The
 * next query gets a new connection or an error of its own.
 */
export function createPool(
  databaseUrl: string,
  options: { max: number; applicationName: string; onError?: (error: Error) => void },
): Pool {
  const pool = new Pool({
    connectionString: databaseUrl,
    max: options.max,
    application_name: options.applicationName,
    // A database that does not answer must become an error: recording goes on into the spool meanwhile.
    connectionTimeoutMillis: 5_000,
    statement_timeout: statementTimeoutMs,
    // Above the server's own limit, so that this one only strikes where the server is gone.
    query_timeout: statementTimeoutMs + 5_000,
    idle_in_transaction_session_timeout: 60_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  });
  pool.on('error', (error) => options.onError?.(error));
  return pool;
}

/** All rows of a statement, each checked and mapped by `schema`. */
export async function many<T>(db: Db, schema: z.ZodType<T>, text: string, values: unknown[] = []): Promise<T[]> {
  const { rows } = await db.query(text, values);
  return rows.map((row) => schema.parse(row));
}

/** The row of a statement, or null when there is none. */
export async function maybeOne<T>(
  db: Db,
  schema: z.ZodType<T>,
  text: string,
  values: unknown[] = [],
): Promise<T | null> {
  const rows = await many(db, schema, text, values);
  if (rows.length > 1) throw new Error(`one row was expected, there are ${rows.length}`);
  return rows[0] ?? null;
}

/** The row of a statement that always gives one. */
export async function one<T>(db: Db, schema: z.ZodType<T>, text: string, values: unknown[] = []): Promise<T> {
  const row = await maybeOne(db, schema, text, values);
  if (row === null) throw new Error('one row was expected, there is none');
  return row;
}

/** Runs `work` in a transaction: committed when it resolves, rolled back when it throws. */
export async function transaction<T>(pool: Pool, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('begin');
    const result = await work({ query: (text, values) => client.query(text, values), [inTransaction]: true });
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch((failure: Error) => {
      broken = failure;
    });
    throw error;
  } finally {
    // A connection that cannot even roll back is thrown away.
    client.release(broken);
  }
}

/** The constraint that a unique violation names, or null when the error is another one. */
export function violatedUnique(error: unknown): string | null {
  return error instanceof DatabaseError && error.code === '23505' ? (error.constraint ?? '') : null;
}

/** `timestamptz` to ms since 1970. */
export const instant = z.date().transform((date) => date.getTime());
/** `bigint`, which the driver hands over as text. */
export const bigint = z.coerce.number().int();
/** `bytea` to hex. */
export const hex = z.instanceof(Buffer).transform((bytes) => bytes.toString('hex'));

/** Ms since 1970 as a parameter for `timestamptz`. */
export function at(ms: number): Date;
export function at(ms: number | null | undefined): Date | null;
export function at(ms: number | null | undefined): Date | null {
  return ms === null || ms === undefined ? null : new Date(ms);
}

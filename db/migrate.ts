import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { PG_MIGRATE_LOCK_ID, runner, type RunnerOption } from 'node-pg-migrate';
import { Client, DatabaseError } from 'pg';
import { z } from 'zod';
import type { Logger } from '../log.ts';
import { watchHolders } from './lock-holders.ts';
import { one } from './sql.ts';

// The order of their numbers is checked against what has run: a new file takes the next number above all that are there.
// 0010 and 0020 stay unused, since a file that came before one that has run would end every start with an error.
const migrationsDir = fileURLToPath(new URL('../db/migrations', import.meta.url));

interface Patience {
  /**
   * So long a migration waits for a table at most: behind it waits whoever wants that table, commits and leases too, and
   * they give up after 30 s. Above the 1 s after which Postgres ends an autovacuum that is in the way.
   */
  lockTimeoutMs: number;
  /** Then the others have the table for so long. */
  pauseMs: number;
  /** A dump of a large catalogue takes minutes; a start that is refused is begun anew by whoever supervises it. */
  giveUpMs: number;
}
const usualPatience: Patience = { lockTimeoutMs: 3_000, pauseMs: 10_000, giveUpMs: 600_000 };

/**
 * Brings the database to the newest schema. Starters that race wait for each other (advisory lock), each file runs in
 * its own transaction, and there is no way back: a mistake is mended by the next file. A file that does not get a table
 * that it changes, since a dump or another long transaction reads it, is rolled back and tried again.
 * @throws Error that names who holds the tables, where they do not let go within 10 minutes; what ran before that stays
 */
export async function migrate(
  databaseUrl: string,
  log: Logger,
  { dir = migrationsDir, ...changes }: Partial<Patience> & { dir?: string } = {},
): Promise<void> {
  const patience = { ...usualPatience, ...changes };
  const client = new Client({ connectionString: databaseUrl, application_name: 'framekeep-migrate' });
  // Without a listener Node would end the process; the next statement fails with it.
  client.on('error', (error) => log.warn({ err: error }, 'the connection that migrates is lost'));
  await client.connect();
  try {
    await takeTurn(client, log);
    // Not before: a starter's turn comes when the one before it is done.
    await client.query(`set lock_timeout = ${patience.lockTimeoutMs}`);
    const { pid } = await one(client, z.object({ pid: z.number() }), `select pg_backend_pid() as pid`);
    const deadlineMs = performance.now() + patience.giveUpMs;
    for (;;) {
      const holders = watchHolders(databaseUrl, pid, log);
      let applied;
      try {
        applied = await applyNext(client, dir, log);
      } finally {
        await holders.end();
      }
      if (applied === null) return;
      if (typeof applied === 'string') {
        log.info({ migration: applied }, 'migration applied');
        continue;
      }
      const seen = holders.seen();
      const why = `a migration of the database waits for tables that other transactions use: ${seen ?? 'none could be seen'}`;
      const what =
        seen === null ? 'Look into pg_locks' : 'Let that end, or end it: select pg_terminate_backend(<process>)';
      if (performance.now() >= deadlineMs)
        throw new Error(`${why}. Nothing of it is done. ${what}; then start again`, { cause: applied.refused });
      log.warn(`${why}. It is tried again in ${patience.pauseMs / 1000} s. ${what}`);
      await sleep(patience.pauseMs);
    }
  } finally {
    await client.end();
  }
}

/** The lock that versions before have taken, too; it goes with the connection. */
async function takeTurn(client: Client, log: Logger): Promise<void> {
  const { isFree } = await one(
    client,
    z.object({ is_free: z.boolean() }).transform((row) => ({ isFree: row.is_free })),
    `select pg_try_advisory_lock($1::bigint) as is_free`,
    [PG_MIGRATE_LOCK_ID],
  );
  if (isFree) return;
  log.info('another process migrates the database: waiting for it');
  await client.query(`select pg_advisory_lock($1::bigint)`, [PG_MIGRATE_LOCK_ID]);
}

/**
 * Runs the first file that has not run.
 * @returns its name; null = all have run; an error where it did not get a lock in time, with nothing of it left
 */
async function applyNext(
  client: Client,
  dir: string,
  log: Logger,
): Promise<string | null | { refused: DatabaseError }> {
  const errors: string[] = [];
  const options: RunnerOption = {
    dbClient: client,
    noLock: true, // `takeTurn` has it: here each wait for it would end by the timeout
    dir,
    count: 1,
    direction: 'up',
    migrationsTable: 'migration',
    singleTransaction: false,
    logger: {
      info: () => undefined,
      warn: (message: string) => log.warn(message),
      error: (message: string) => errors.push(message),
    },
  };
  try {
    const [applied] = await runner(options);
    return applied?.name ?? null;
  } catch (error) {
    // lock_not_available. The file's transaction is still open, since the runner ends it with its own connection only.
    if (error instanceof DatabaseError && error.code === '55P03') {
      await client.query('rollback');
      return { refused: error };
    }
    for (const message of errors) log.error(message);
    throw error;
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { z } from 'zod';
import type { Logger } from '../log.ts';
import { many } from './sql.ts';

/** Several times within the 3 s for which a migration waits for a lock. */
const lookEveryMs = 300;
const answerWithinMs = 5_000;

export interface HolderWatch {
  end(): Promise<void>;
  /** Who was in the way when it was last looked, for people; null: nobody was seen. */
  seen(): string | null;
}

/**
 * Looks, from a connection of its own, for whose locks another connection waits: once it has given up waiting, Postgres
 * cannot tell any more. A look that fails is logged and is the last one: what is watched goes on without.
 * @param pid the process of the connection that may wait
 */
export function watchHolders(databaseUrl: string, pid: number, log: Logger): HolderWatch {
  const ended = new AbortController();
  const pause = (): Promise<void> => sleep(lookEveryMs, undefined, { signal: ended.signal }).catch(() => undefined);
  let seen: string | null = null;

  async function look(): Promise<void> {
    // Not connected before: most waits are none.
    await pause();
    if (ended.signal.aborted) return;
    const client = new Client({
      connectionString: databaseUrl,
      application_name: 'framekeep-migrate',
      connectionTimeoutMillis: answerWithinMs,
      query_timeout: answerWithinMs,
    });
    // Without a listener Node would end the process; the next look fails with it.
    client.on('error', (error) => log.debug({ err: error }, 'the connection that looks for locks is lost'));
    await client.connect();
    try {
      while (!ended.signal.aborted) {
        seen = (await holdersOf(client, pid)) ?? seen;
        await pause();
      }
    } finally {
      await client.end();
    }
  }
  const looking = look().catch((error: unknown) => log.warn({ err: error }, 'who holds locks cannot be seen'));

  return {
    async end() {
      ended.abort();
      await looking;
    },
    seen: () => seen,
  };
}

async function holdersOf(client: Client, pid: number): Promise<string | null> {
  const holders = await many(
    client,
    z.object({ pid: z.number(), program: z.string(), role: z.string(), since: z.string() }),
    // Of other roles' transactions only a superuser or pg_monitor is told since when they run.
    `select b.pid, coalesce(nullif(a.application_name, ''), 'unnamed') as program, coalesce(a.usename, '?') as role,
       coalesce(to_char(a.xact_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'), 'an unknown time') as since
     from (select distinct unnest(pg_blocking_pids($1::int)) as pid) b left join pg_stat_activity a on a.pid = b.pid
     order by a.xact_start limit 5`,
    [pid],
  );
  if (holders.length === 0) return null;
  return holders
    .map(({ pid: holder, program, role, since }) =>
      // Postgres gives 0 for those.
      holder === 0
        ? 'a prepared transaction (see pg_prepared_xacts)'
        : `${program} of ${role} since ${since} (process ${holder})`,
    )
    .join(', ');
}

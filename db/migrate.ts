import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import type { Logger } from '../log.ts';

/**
 * Brings the database to the newest schema. Starters that race wait for each other (advisory lock), each file runs in
 * its own transaction, and there is no way back: a mistake is mended by the next file.
 */
export async function migrate(databaseUrl: string, log: Logger): Promise<void> {
  const applied = await runner({
    databaseUrl,
    dir: fileURLToPath(new URL('../db/migrations', import.meta.url)),
    direction: 'up',
    migrationsTable: 'migration',
    advisoryLockMode: 'wait',
    singleTransaction: false,
    logger: {
      info: () => undefined,
      warn: (message: string) => log.warn(message),
      error: (message: string) => log.error(message),
    },
  });
  for (const { name } of applied) log.info({ migration: name }, 'migration applied');
}

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { projectDir } from '../../scripts/setup/tools.mjs';

/** Brings the database that every test database is cloned from to the current schema. */
export async function migrateTemplate(databaseUrl: string): Promise<void> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const folder = join(projectDir, 'db/migrations');
    for (const file of readdirSync(folder).toSorted()) {
      const [up = ''] = readFileSync(join(folder, file), 'utf8').split('-- Down Migration');
      await client.query(up);
    }
  } finally {
    await client.end();
  }
}

import { randomBytes } from 'node:crypto';
import { Client, Pool } from 'pg';
import { testServer } from './servers.ts';

export interface TestDatabase {
  url: string;
  /** Connections for the test itself; `drop` ends it. */
  pool: Pool;
  drop(): Promise<void>;
}

/** A migrated, empty database of this test's own: a clone of the run's template, made in about 0.1 s. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const { serverUrl, templateName } = await testServer('postgres');
  const name = `test_${randomBytes(8).toString('hex')}`;
  await onServer(serverUrl, `create database ${name} template ${templateName}`);
  const url = `${serverUrl}/${name}`;
  const pool = new Pool({ connectionString: url, max: 10 });
  pool.on('error', () => undefined); // an idle connection that a test's server stop or drop has cut
  return {
    url,
    pool,
    drop: async () => {
      await pool.end();
      // Forced: a test that failed may have left connections of the code under test.
      await onServer(serverUrl, `drop database if exists ${name} with (force)`);
    },
  };
}

async function onServer(serverUrl: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: `${serverUrl}/postgres` });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

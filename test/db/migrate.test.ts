import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrate } from '../../db/migrate.ts';
import { createPool, type Pool } from '../../db/sql.ts';
import { testServer } from '../support/servers.ts';

const name = `test_${randomBytes(8).toString('hex')}`;
const log = pino({ level: 'silent' });
let url: string;
let pool: Pool;

async function onServer(statement: string): Promise<void> {
  const { serverUrl } = await testServer('postgres');
  const client = new Client({ connectionString: `${serverUrl}/postgres` });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

beforeAll(async () => {
  await onServer(`create database ${name}`);
  url = `${(await testServer('postgres')).serverUrl}/${name}`;
  pool = createPool(url, { max: 2, applicationName: 'test' });
});
afterAll(async () => {
  await pool.end();
  await onServer(`drop database ${name} with (force)`);
});

test('racing starters both succeed, each file is applied once, and again changes nothing', async () => {
  await Promise.all([migrate(url, log), migrate(url, log), migrate(url, log)]);
  const applied = await pool.query<{ name: string }>('select name from migration order by id');
  expect(applied.rows.map((row) => row.name)).toContain('0001_initial');
  expect(new Set(applied.rows.map((row) => row.name)).size).toBe(applied.rows.length);

  await migrate(url, log);
  expect((await pool.query('select name from migration')).rows).toHaveLength(applied.rows.length);
});

test('the segment table has its 32 partitions, and the defaults are there', async () => {
  const partitions = await pool.query(`select from pg_inherits where inhparent = 'segment'::regclass`);
  expect(partitions.rows).toHaveLength(32);
  expect((await pool.query(`select name from tenant`)).rows).toEqual([{ name: 'default' }]);
  expect((await pool.query(`select name from profile order by id`)).rows).toEqual([
    { name: 'original' },
    { name: 'original-audio' },
    { name: 'standard' },
  ]);
});

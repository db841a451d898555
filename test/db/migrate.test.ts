import { randomBytes } from 'node:crypto';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrate } from '../../db/migrate.ts';
import { createPool, type Pool } from '../../db/sql.ts';
import { testServer } from '../support/servers.ts';
import { waitFor } from '../support/wait-for.ts';

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

test('a migration waits for a long reader without keeping others from the table, names it, and goes on when it ends', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'migrations-'));
  const reader = new Client({ connectionString: url, application_name: 'long dump' });
  const bystander = new Client({ connectionString: url, application_name: 'other report' });
  try {
    await cp('db/migrations', dir, { recursive: true });
    const change = 'alter table tenant add column tried int; alter table camera_lease add column tried int;';
    await writeFile(join(dir, '9999_tried.sql'), `-- Up Migration\n\n${change}\n`);
    await reader.connect();
    await reader.query('begin');
    await reader.query('select from camera_lease');
    await bystander.connect();
    await bystander.query('begin');
    await bystander.query('select from account');

    const impatient = migrate(url, log, { dir, giveUpMs: 0 });
    await expect(impatient).rejects.toThrow(
      /waits for tables that other transactions use: long dump of \w+ since [-\d]+ [:\d]+ \(process \d+\)\. Nothing of it is done/,
    );

    const told: string[] = [];
    const listening = pino({ level: 'warn' }, { write: (line: string) => told.push(line) });
    const migrated = migrate(url, listening, { dir, lockTimeoutMs: 2_000, pauseMs: 100 });
    migrated.catch(() => undefined); // asked below
    await waitFor('the migration to wait for the table', async () => {
      const { rowCount } = await pool.query(
        `select from pg_locks where relation = 'camera_lease'::regclass and not granted`,
      );
      return rowCount === 1;
    });
    // It stands behind the migration, which lets it pass although the reader is still there.
    await pool.query('select from camera_lease');
    await waitFor('the reader to be named', async () => told.some((line) => line.includes('long dump')));
    expect(await columns()).toBe(0);

    await reader.query('commit');
    await migrated;
    expect(await columns()).toBe(2);
    expect(told.filter((line) => !line.includes('It is tried again'))).toEqual([]);
    expect(told.filter((line) => line.includes('other report'))).toEqual([]);
  } finally {
    await reader.end();
    await bystander.end();
    await rm(dir, { recursive: true });
    await pool.query(`delete from migration where name = '9999_tried'`);
    await pool.query(`alter table tenant drop column if exists tried`);
    await pool.query(`alter table camera_lease drop column if exists tried`);
  }
});

async function columns(): Promise<number | null> {
  return (await pool.query(`select from information_schema.columns where column_name = 'tried'`)).rowCount;
}

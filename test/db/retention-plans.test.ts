import { afterAll, beforeAll, expect, test } from 'vitest';
import { deletedByRolling } from '../../api/deleted-footage.ts';
import { openMonths } from '../../db/certificates.ts';
import { deletionHealth } from '../../db/deletion-health.ts';
import { dueFootage, markDue } from '../../db/due-footage.ts';
import { upcomingPurges } from '../../db/purge-preview.ts';
import { insertSegment } from '../../db/segments.ts';
import type { Db } from '../../db/sql.ts';
import { defaultTenant, insertTenant } from '../../db/tenants.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { makeCamera, segmentOf } from './fixtures.ts';

const createdAtMs = Date.UTC(2026, 0, 1);
const day = 86_400_000;
let database: TestDatabase;
let ids: number[];

beforeAll(async () => {
  database = await createTestDatabase();
  ids = [];
  for (let i = 0; i < 60; i += 1) ids.push((await makeCamera(database.pool, { createdAtMs })).internalId);
  const first = segmentOf({ startMs: createdAtMs, durationMs: 600_000, epoch: 0 });
  await insertSegment(database.pool, ids[0] ?? 0, first);
  // In the order of arrival, as in life.
  await database.pool.query(
    `insert into segment (camera_id, start_at, duration_ms, epoch, sha256, bytes, format_id, entries)
     select c.id, $1::timestamptz + n * interval '10 minutes', 600000, 0, sha256((c.id || ' ' || n)::bytea), 1000000,
       (select min(id) from stream_format), repeat('x', 24)::bytea
     from generate_series(1, 4000) as n, camera c order by n, c.id`,
    [new Date(createdAtMs)],
  );
  await database.pool.query('vacuum (analyze) segment');
  await database.pool.query('analyze');
});
afterAll(() => database.drop());

/** Runs the query under `explain analyze`, which leaves out partitions that were never read. */
async function planOf(run: (db: Db) => Promise<unknown>): Promise<string> {
  const lines: string[] = [];
  const query: Db['query'] = async (text, values) => {
    const options = text.startsWith('update') ? 'costs off' : 'analyze, timing off, costs off';
    const { rows } = await database.pool.query(`explain (${options}) ${text}`, values);
    lines.push(...rows.map((row) => JSON.stringify(row)));
    return database.pool.query(text, values);
  };
  await run({ query });
  return lines.filter((line) => !line.includes('(never executed)')).join('\n');
}

test('what is due by when is read from the primary keys alone, camera by camera', async () => {
  const atMs = Array.from({ length: 8 }, (_, i) => createdAtMs + (30 + i) * day);
  const cameras = ids.map((internalId) => ({ internalId, cutoffsMs: atMs.map((ms) => ms - 30 * day) }));
  const plan = await planOf(async (db) => {
    const found = await dueFootage(db, cameras, atMs);
    expect(found).toHaveLength(60 * 7);
    expect(found[0]).toMatchObject({ step: 1, segments: 144, durationMs: day });
  });
  expect(plan).not.toMatch(/Seq Scan on segment/);
  expect(plan).toMatch(/Index Only Scan using segment_\d+_pkey/);

  let statements = 0;
  const counted: Db = {
    query: (text, values) => {
      statements += 1;
      return database.pool.query(text, values);
    },
  };
  const inPages = await dueFootage(counted, cameras, atMs, 25);
  expect(statements).toBe(3); // 60 cameras
  expect(inPages).toEqual(await dueFootage(database.pool, cameras, atMs));
});

test('a batch is marked by the index', async () => {
  const due = { cutoffMs: createdAtMs + day, atMs: createdAtMs + 31 * day, limit: 1000 };
  const plan = await planOf(async (db) => expect(await markDue(db, ids[7] ?? 0, due)).toBe(143));
  expect(plan).not.toMatch(/Seq Scan on segment/);
});

test('the open rolling deletions are found without the rows of purges that wait', async () => {
  await database.pool.query(
    `insert into deleted_segment (camera_id, start_at, sha256, duration_ms, bytes, epoch, variant, cause, deleted_at)
     select $1::int, $2::timestamptz + n * interval '10 minutes', sha256(n::text::bytea), 600000, 1000000, 0, 0,
       case when n > 20000 then 'retention' else 'purge' end, $2::timestamptz + n * interval '1 minute'
     from generate_series(1, 20100) as n`,
    [ids[0], new Date(createdAtMs)],
  );
  await database.pool.query('analyze deleted_segment');
  const plan = await planOf(async (db) => {
    expect((await deletionHealth(db)).uncertifiedMs).toBe(createdAtMs + 20_001 * 60_000);
    expect(await openMonths(db, createdAtMs + 60 * day, { limit: 10 })).toMatchObject([{ month: '2026-01' }]);
  });
  expect(plan.match(/deleted_segment_rolling/g)).toHaveLength(2);
  expect(plan).not.toMatch(/Seq Scan on deleted_segment|Rows Removed by Filter/);
});

test('the preview of rolling grace counts no footage of what is purged, here or of another tenant', async () => {
  const { pool } = database;
  const retired = ids.slice(0, 3);
  await pool.query(
    `update camera set intent = 'retired', retired_at = $2, grace_ends_at = $2,
       status = case when id = $3 then 'purging' else 'grace' end where id = any($1::int[])`,
    [retired, new Date(createdAtMs + day), retired[0]],
  );
  const nowMs = createdAtMs + 2 * day;
  const found = await upcomingPurges(pool, { nowMs, untilMs: nowMs + day });
  expect(found.map(({ segments }) => segments)).toEqual([4001, 4000, 4000]);
  const { id: other } = await insertTenant(pool, 'School');
  expect(await upcomingPurges(pool, { nowMs, untilMs: nowMs + day, tenantId: other })).toEqual([]);
  for (const { id } of [await defaultTenant(pool), { id: other }]) {
    const plan = await planOf(async (db) => {
      const deletes = await deletedByRolling(db, { id, rollsAtMs: nowMs + day }, nowMs);
      expect(deletes).toEqual({ segments: 0, minutes: 0, bytes: 0, cameras: [] });
    });
    expect(plan).not.toMatch(/ on segment/);
  }
});

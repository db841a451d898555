import { afterAll, beforeAll, expect, test } from 'vitest';
import { playlistRows, segmentAt, segmentsBetween } from '../../db/footage.ts';
import { claimsOf } from '../../db/gaps.ts';
import { holesOf } from '../../db/holes.ts';
import { finishedBelow } from '../../db/object-gc.ts';
import { foundKeys, storesUntilMs } from '../../db/purge.ts';
import { commitSlow, insertSegment } from '../../db/segments.ts';
import { transaction, type Db } from '../../db/sql.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { makeCamera, segmentOf } from './fixtures.ts';

const nowMs = Date.UTC(2026, 10, 24, 12);
const createdAtMs = nowMs - 40 * 86_400_000;
const rowsPerCamera = 4_000;
const cameraCount = 30;

let database: TestDatabase;
let cameras: { id: string; internalId: number }[];

beforeAll(async () => {
  database = await createTestDatabase();
  cameras = [];
  for (let i = 0; i < cameraCount; i += 1) cameras.push(await makeCamera(database.pool, { createdAtMs }));
  await insertSegment(
    database.pool,
    cameras[0]?.internalId ?? 0,
    segmentOf({ startMs: createdAtMs, durationMs: 10_000, epoch: 0 }),
  );
  // In the order of arrival, as in life: neighbours in time of one camera are far from each other on disk.
  await database.pool.query(
    `insert into segment (camera_id, start_at, duration_ms, epoch, sha256, bytes, format_id, entries)
     select c.id, $1::timestamptz + n * interval '10 seconds', 10000, 0, sha256((c.id || ' ' || n)::bytea), 1000000,
       (select min(id) from stream_format), repeat('x', 24)::bytea
     from generate_series(1, $2::int) as n, camera c order by n, c.id`,
    [new Date(createdAtMs), rowsPerCamera],
  );
  await database.pool.query(
    `insert into gap (camera_id, start_at, end_at, reason)
     select c.id, $1::timestamptz + n * interval '5 minutes', $1::timestamptz + n * interval '5 minutes' + interval '1 s',
       'stalled' from generate_series(1, 1000) as n, camera c`,
    [new Date(createdAtMs)],
  );
  await database.pool.query(
    `update camera_lease l set last_end_at = (select max(start_at + duration_ms * interval '1 ms') from segment s
       where s.camera_id = l.camera_id)`,
  );
  await database.pool.query(
    `insert into deleted_segment (camera_id, start_at, sha256, duration_ms, bytes, epoch, variant, cause, deleted_at)
     select c.id, $1::timestamptz - n * interval '10 seconds', sha256((c.id || ' ' || n)::bytea), 10000, 1000000, 0, 0,
       'retention', $1::timestamptz from generate_series(1, 200) as n, camera c`,
    [new Date(createdAtMs)],
  );
  await database.pool.query('vacuum (analyze) segment');
  await database.pool.query('analyze');
});
afterAll(() => database.drop());

/**
 * A `Db` that explains each statement before it runs it. What only reads is run for its plan, since only then it shows
 * which partitions were left out.
 */
function explaining<T extends Db>(db: T): { db: T; plans: string[] } {
  const plans: string[] = [];
  const query: Db['query'] = async (text, values) => {
    const options = /\b(insert|update|for update)\b/.test(text) ? '' : 'analyze, timing off, ';
    const { rows } = await db.query(`explain (${options}costs off) ${text}`, values);
    const lines = rows.map((row) => JSON.stringify(row));
    plans.push(lines.filter((line) => !line.includes('(never executed)')).join('\n'));
    return db.query(text, values);
  };
  return { db: { ...db, query }, plans };
}

/** No scan of a whole segment or gap table. */
function expectIndexed(plans: string[]): void {
  expect(plans.length).toBeGreaterThan(0);
  for (const plan of plans) {
    expect(plan).not.toMatch(/Seq Scan on (segment|gap|deleted_segment)/);
  }
  expect(plans.some((plan) => /(Index Scan|Index Only Scan|Bitmap Index Scan).*(segment_\d+|gap)/.test(plan))).toBe(
    true,
  );
}

const day = 86_400_000;
const theCamera = () => cameras[7] ?? { id: '', internalId: 0 };

test('lists, playlists and single segments are read by the index', async () => {
  const { db, plans } = explaining(database.pool);
  const from = createdAtMs;
  expect(await segmentsBetween(db, theCamera().id, from, from + 31 * day, { limit: 100 })).toHaveLength(100);
  expect(await playlistRows(db, theCamera().id, from + 3_600_000, from + 7_200_000)).toHaveLength(360);
  expect(await segmentAt(db, theCamera().id, from + 10_000)).not.toBeNull();
  expectIndexed(plans);
});

test('holes of one camera over a month and of many over an hour are read by the index alone', async () => {
  const { db, plans } = explaining(database.pool);
  const range = { fromMs: createdAtMs, toMs: createdAtMs + 31 * day, nowMs };
  await holesOf(db, [theCamera().id], range);
  await holesOf(
    db,
    cameras.map((camera) => camera.id),
    { ...range, fromMs: createdAtMs + 20_000_000, toMs: createdAtMs + 23_600_000 },
  );
  expectIndexed(plans);
  expect(plans[0]).toMatch(/Index Only Scan using segment_\d+_pkey/);
});

test('claims that reach into the last hour are found without reading the older ones', async () => {
  const { db, plans } = explaining(database.pool);
  await claimsOf(db, [theCamera().id], nowMs - 3_600_000, nowMs);
  expectIndexed(plans);
  expect(plans[0]).toContain('gap_by_end');
});

test('a commit, fast or slow, is done by the index', async () => {
  const startMs = createdAtMs + (rowsPerCamera + 10) * 10_000;
  const fast = explaining(database.pool);
  expect(
    await insertSegment(fast.db, theCamera().internalId, segmentOf({ startMs, durationMs: 10_000, epoch: 0 })),
  ).toBe(true);
  await transaction(database.pool, async (tx) => {
    const { db, plans } = explaining(tx);
    const inside = segmentOf({ startMs: createdAtMs + 25_000, durationMs: 10_000, epoch: 0 });
    expect(await commitSlow(db, theCamera().internalId, inside)).toEqual({ free: [] });
    expectIndexed(plans);
    expect(plans.filter((plan) => plan.includes('deleted_segment_pkey'))).toHaveLength(1);
  });
});

test('what waits for its deletion below a prefix is found by the primary key, whatever the database sorts by', async () => {
  await database.pool.query(
    `insert into object_gc (key, reason, not_before)
     select format('tenant/%s/%s.mp4', c.public_id, n), 'finished', now() from generate_series(1, 500) as n, camera c`,
  );
  await database.pool.query('analyze object_gc');
  const { rows } = await database.pool.query(
    `select collation_name from information_schema.columns where table_name = 'object_gc' and column_name = 'key'`,
  );
  expect(rows).toEqual([{ collation_name: 'C' }]);
  const { db, plans } = explaining(database.pool);
  const prefix = `tenant/${theCamera().id}/`;
  expect(await finishedBelow(db, prefix)).toHaveLength(500);
  expect(await foundKeys(db, prefix)).toEqual([]);
  expect(await storesUntilMs(db, prefix, nowMs)).toBeNull();
  expect(plans).toHaveLength(3);
  for (const plan of plans)
    expect(plan).toMatch(/using object_gc_pkey.*Index Cond|Bitmap Index Scan on object_gc_pkey/s);
});

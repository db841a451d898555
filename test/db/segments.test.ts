import { afterAll, beforeAll, expect, test } from 'vitest';
import { clearLedger } from '../../db/certificates.ts';
import { forgetMarked, markedSegments } from '../../db/deletion-ledger.ts';
import { playlistRows, segmentsBetween } from '../../db/footage.ts';
import { commitSlow, insertSegment } from '../../db/segments.ts';
import { transaction } from '../../db/sql.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { makeCamera, segmentOf } from './fixtures.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

test('a segment beyond the watermark is catalogued and read back whole', async () => {
  const camera = await makeCamera(database.pool);
  const segment = segmentOf({ startMs: camera.createdAtMs + 1234, durationMs: 10_007, epoch: 0, anchor: true });
  expect(await insertSegment(database.pool, camera.internalId, segment)).toBe(true);
  const from = camera.createdAtMs;
  expect(await playlistRows(database.pool, camera.id, from, from + 60_000)).toEqual([segment]);
  const { entries: _entries, ...listed } = segment;
  expect(await segmentsBetween(database.pool, camera.id, from, from + 60_000, { limit: 10 })).toEqual([listed]);
});

test('the fence refuses another epoch and time before the watermark; the slow path tells them apart', async () => {
  const camera = await makeCamera(database.pool);
  const t = camera.createdAtMs;
  const first = segmentOf({ startMs: t, durationMs: 10_000, epoch: 0 });
  expect(await insertSegment(database.pool, camera.internalId, first)).toBe(true);
  expect(await insertSegment(database.pool, camera.internalId, first)).toBe(false);
  const slow = (segment: typeof first) =>
    transaction(database.pool, (tx) => commitSlow(tx, camera.internalId, segment));
  expect(await slow(first)).toBe('already');

  const otherEpoch = segmentOf({ startMs: t + 20_000, durationMs: 10_000, epoch: -1 });
  expect(await insertSegment(database.pool, camera.internalId, otherEpoch)).toBe(false);
  expect(await slow(otherEpoch)).toBe('committed');

  // Reaches into both: only the middle is free.
  const bridge = segmentOf({ startMs: t + 5_000, durationMs: 20_000, epoch: 0 });
  expect(await slow(bridge)).toEqual({ free: [{ startMs: t + 10_000, endMs: t + 20_000 }] });
  expect(await slow(segmentOf({ startMs: t + 2_000, durationMs: 3_000, epoch: 0 }))).toEqual({ free: [] });
  // The watermark did not move back.
  const late = segmentOf({ startMs: t + 29_000, durationMs: 1_000, epoch: 0 });
  expect(await insertSegment(database.pool, camera.internalId, late)).toBe(false);
});

test('a file that comes again once its footage was deleted stays deleted, what was never stored of its time does not', async () => {
  const camera = await makeCamera(database.pool);
  const { internalId, createdAtMs: t } = camera;
  const sources = [0, 1, 2].map((n) => segmentOf({ startMs: t + n * 10_000, durationMs: 10_000, epoch: 3 }));
  await database.pool.query(`update camera_lease set epoch = 3 where camera_id = $1`, [internalId]);
  for (const source of sources) expect(await insertSegment(database.pool, internalId, source)).toBe(true);
  // Its host did not hear of the second one, and was away until a final had all three and had reached its age.
  const [, missed] = sources;
  if (missed === undefined) throw new Error('there are three');
  const slow = (again: typeof missed) => transaction(database.pool, (tx) => commitSlow(tx, internalId, again));
  await database.pool.query(`delete from segment where camera_id = $1`, [internalId]);
  const final = segmentOf({ startMs: t, durationMs: 30_000, epoch: 3, variant: 1 });
  expect(await slow(final)).toBe('committed');
  await database.pool.query(`update segment set state = 1 where camera_id = $1`, [internalId]);
  const marked = await markedSegments(database.pool, internalId, { limit: 10 });
  expect(await forgetMarked(database.pool, internalId, marked, { cause: 'retention', atMs: t })).toBe(1);

  for (const again of [...sources, final]) {
    expect(await insertSegment(database.pool, internalId, again)).toBe(false);
    expect(await slow(again)).toEqual({ free: [] });
  }
  expect(await playlistRows(database.pool, camera.id, t, t + 60_000)).toEqual([]);
  const beyond = segmentOf({ startMs: t + 25_000, durationMs: 10_000, epoch: 3 });
  expect(await slow(beyond)).toEqual({ free: [{ startMs: t + 30_000, endMs: t + 35_000 }] });
  expect(await slow(segmentOf({ startMs: t + 30_000, durationMs: 5_000, epoch: 3 }))).toBe('committed');
  expect(await slow(segmentOf({ startMs: t + 5_000, durationMs: 10_000, epoch: 2 }))).toBe('committed');

  // A month's certificate clears the ledger: from then on it is footage, and due for the next sweep.
  await database.pool.query(`delete from segment where camera_id = $1`, [internalId]);
  const month = { cause: 'retention', fromMs: t - 1, untilMs: t + 1, rows: 1 } as const;
  await transaction(database.pool, (tx) => clearLedger(tx, internalId, month));
  expect(await slow(missed)).toBe('committed');
});

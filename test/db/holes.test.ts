import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { claimHole, claimsBetween, closeGap, openGap, openGapOf, updateOpenGap } from '../../db/gaps.ts';
import { holesBetween, holesOf } from '../../db/holes.ts';
import { commitSlow, insertSegment } from '../../db/segments.ts';
import { transaction } from '../../db/sql.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { makeCamera, segmentOf } from './fixtures.ts';

const t = Date.UTC(2026, 10, 24, 12);
let database: TestDatabase;
let camera: Awaited<ReturnType<typeof makeCamera>>;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  camera = await makeCamera(database.pool, { createdAtMs: t });
  await closeGap(database.pool, camera.id, t); // the claim that every new camera has
});

const record = async (fromS: number, toS: number) => {
  const segment = segmentOf({ startMs: t + fromS * 1000, durationMs: Math.round((toS - fromS) * 1000), epoch: 0 });
  expect(await insertSegment(database.pool, camera.internalId, segment)).toBe(true);
};
/** In seconds after the camera's creation. */
const holes = async (nowS: number, options: { fromS?: number; toS?: number; keptFromS?: number } = {}) => {
  const found = await holesBetween(
    database.pool,
    camera.id,
    t + (options.fromS ?? -1000) * 1000,
    t + (options.toS ?? 100_000) * 1000,
    {
      nowMs: t + nowS * 1000,
      ...(options.keptFromS === undefined ? {} : { keptFromMs: t + options.keptFromS * 1000 }),
    },
  );
  return found.map((hole) => [(hole.startMs - t) / 1000, (hole.endMs - t) / 1000]);
};
const claim = (fromS: number) =>
  openGap(database.pool, camera.id, { startMs: t + fromS * 1000, reason: 'unreachable', evidence: {} });

test('holes lie between the creation, the segments and the watermark', async () => {
  await record(10, 20);
  await record(20.4, 30); // within the tolerance
  await record(40, 50);
  expect(await holes(60)).toEqual([
    [0, 10],
    [30, 40],
  ]);
});

test('exactly the tolerance is no hole, 1 ms more is one', async () => {
  await record(0, 10);
  await record(10.5, 20);
  await record(20.501, 30);
  expect(await holes(60)).toEqual([[20, 20.501]]);
});

test('time after the watermark is pending until somebody claims it', async () => {
  await record(0, 10);
  expect(await holes(60)).toEqual([]);
  await claim(25); // media stopped at 25; what came from 10 to 25 is on its way
  expect(await holes(60)).toEqual([[25, 60]]);
  await closeGap(database.pool, camera.id, t + 40_000); // media came back, and is not committed yet
  expect(await holes(60)).toEqual([[25, 40]]);
  await record(40, 50);
  expect(await holes(60)).toEqual([[10, 40]]); // now what was pending is known to be missing
});

test('a new camera without footage lacks what is claimed', async () => {
  expect(await holes(60)).toEqual([]);
  await claim(0);
  expect(await holes(60)).toEqual([[0, 60]]);
});

test('a range cuts holes, and footage that reaches into it counts', async () => {
  await record(0, 10);
  await record(50, 60);
  expect(await holes(100, { fromS: 5, toS: 30 })).toEqual([[10, 30]]);
  expect(await holes(100, { fromS: 20, toS: 55 })).toEqual([[20, 50]]);
  expect(await holes(100, { fromS: 52, toS: 58 })).toEqual([]);
  expect(await holes(100, { fromS: -100, toS: -50 })).toEqual([]);
  expect(await holes(100, { fromS: 200, toS: 300 })).toEqual([]);
});

test('retirement ends the wanted time, the retention cutoff starts it', async () => {
  await record(10, 20);
  await record(50, 60);
  await claim(60);
  expect(await holes(100)).toEqual([
    [0, 10],
    [20, 50],
    [60, 100],
  ]);
  await database.pool.query(`update camera set retired_at = $2 where id = $1`, [
    camera.internalId,
    new Date(t + 70_000),
  ]);
  expect(await holes(100, { keptFromS: 30 })).toEqual([
    [30, 50],
    [60, 70],
  ]);
});

test('rows that are being deleted are no footage', async () => {
  await record(0, 10);
  await record(10, 20);
  await record(20, 30);
  await database.pool.query(`update segment set state = 1 where camera_id = $1 and start_at = $2`, [
    camera.internalId,
    new Date(t + 10_000),
  ]);
  expect(await holes(30)).toEqual([[10, 20]]);
});

test('time without pictures within a row is a hole, whatever becomes of the row', async () => {
  const pauses = [
    { startMs: t + 12_000, endMs: t + 15_000 },
    { startMs: t + 17_000, endMs: t + 20_000 },
  ];
  const segment = segmentOf({ startMs: t + 10_000, durationMs: 10_000, epoch: 0, pauses });
  const commit = () => transaction(database.pool, (tx) => commitSlow(tx, camera.internalId, segment));
  await record(0, 10);
  expect(await commit()).toBe('committed');
  await record(22, 30);
  const within = [
    [12, 15],
    [17, 22], // one with what follows
  ];
  expect(await holes(60)).toEqual(within);
  expect(await holes(60, { fromS: 13, toS: 18 })).toEqual([
    [13, 15],
    [17, 18],
  ]);
  expect(await claims()).toEqual([
    [12, 15, 'stalled'],
    [17, 20, 'stalled'],
  ]);
  await database.pool.query(`delete from segment where camera_id = $1 and start_at = $2`, [
    camera.internalId,
    new Date(t + 10_000),
  ]);
  expect(await holes(60)).toEqual([[10, 22]]);
  expect(await commit()).toBe('committed'); // as a file that is found again
  expect(await holes(60)).toEqual(within);
  expect(await claims()).toHaveLength(2);
});

test('many cameras are answered at once, each by itself', async () => {
  await record(10, 20);
  const other = await makeCamera(database.pool, { createdAtMs: t });
  const found = await holesOf(database.pool, [camera.id, other.id], { fromMs: t, toMs: t + 60_000, nowMs: t + 60_000 });
  expect(found.get(camera.id)).toEqual([{ startMs: t, endMs: t + 10_000 }]);
  expect(found.get(other.id)).toEqual([{ startMs: t, endMs: t + 60_000 }]); // its first claim is open
});

const claims = async () =>
  (await claimsBetween(database.pool, camera.id, t + 1, t + 1_000_000)).map((one) => [
    (one.startMs - t) / 1000,
    one.endMs === null ? null : (one.endMs - t) / 1000,
    one.reason,
  ]);

test('one claim is open at most: the first cause stays, only operator yields', async () => {
  const open = (fromS: number, reason: 'operator' | 'stalled' | 'auth' | 'paused') =>
    openGap(database.pool, camera.id, { startMs: t + fromS * 1000, reason, evidence: { epoch: fromS } });
  await open(10, 'operator');
  await open(11, 'stalled');
  expect(await openGapOf(database.pool, camera.id)).toMatchObject({ reason: 'stalled', evidence: { epoch: 11 } });
  await open(12, 'auth');
  await open(13, 'operator');
  expect(await claims()).toEqual([[10, null, 'stalled']]);
  const evidence = {
    lastError: '401',
    attempts: 3,
    history: [{ reason: 'stalled' as const, sinceMs: t, attempts: 1 }],
  };
  expect(await updateOpenGap(database.pool, camera.id, { reason: 'auth', evidence })).toBe(true);
  expect(await openGapOf(database.pool, camera.id)).toEqual({
    startMs: t + 10_000,
    endMs: null,
    reason: 'auth',
    evidence,
  });
  expect(await closeGap(database.pool, camera.id, t + 20_000)).toBe(true);
  expect(await closeGap(database.pool, camera.id, t + 30_000)).toBe(false);
  expect(await updateOpenGap(database.pool, camera.id, { reason: 'auth', evidence })).toBe(false);
  expect(await claims()).toEqual([[10, 20, 'auth']]);
});

test('a claim that would end before it starts ends where it starts', async () => {
  await claim(10);
  await closeGap(database.pool, camera.id, t + 5_000);
  expect(await claims()).toEqual([[10, 10, 'unreachable']]);
});

test('a hole is claimed only where nothing explains it, and once', async () => {
  const fill = () => claimHole(database.pool, camera.id, t + 5_000, t + 40_000, 'host-lost', { hostId: 'h' });
  await claimHole(database.pool, camera.id, t + 10_000, t + 20_000, 'stalled', {});
  await claim(30);
  await fill();
  await fill();
  await claimHole(database.pool, camera.id, t + 9_000, t + 9_000, 'host-lost', {});
  expect(await claims()).toEqual([
    [5, 10, 'host-lost'],
    [10, 20, 'stalled'],
    [20, 30, 'host-lost'],
    [30, null, 'unreachable'],
  ]);
});

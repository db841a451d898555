import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { forget, rollUp } from '../../activities/roll-up-coverage.ts';
import { countedDays } from '../../db/coverage.ts';
import { claimHole, claimsBetween, closeGap, openGap } from '../../db/gaps.ts';
import { takeEpoch } from '../../db/leases.ts';
import { commitSlow, insertSegment } from '../../db/segments.ts';
import { transaction } from '../../db/sql.ts';
import { makeCamera, segmentOf } from '../db/fixtures.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const today = Date.UTC(2026, 10, 20);
const hostId = '0199d2c4-0000-7000-8000-00000000000a';
let database: TestDatabase;
let camera: Awaited<ReturnType<typeof makeCamera>>;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  camera = await makeCamera(database.pool, { createdAtMs: today - 2 * dayMs + 12 * hourMs });
  await closeGap(database.pool, camera.id, camera.createdAtMs);
  await takeEpoch(database.pool, camera.id, { hostId, sessionId: null });
});

/** Half-hour segments: an hour is the longest that overlaps are looked for. */
async function footage(fromMs: number, toMs: number): Promise<void> {
  for (let startMs = fromMs; startMs < toMs; startMs += hourMs / 2) {
    const segment = segmentOf({ startMs, durationMs: hourMs / 2, epoch: 1 });
    if (!(await insertSegment(database.pool, camera.internalId, segment))) {
      await transaction(database.pool, (tx) => commitSlow(tx, camera.internalId, segment));
    }
  }
}
async function keep(days: number): Promise<void> {
  await database.pool.query(`update camera set retention_days = $2 where id = $1`, [camera.internalId, days]);
}
async function deleteBefore(ms: number): Promise<void> {
  await database.pool.query(
    `delete from segment where camera_id = $1 and start_at + duration_ms * interval '1 ms' <= $2`,
    [camera.internalId, new Date(ms)],
  );
}
async function count(nowMs: number) {
  await rollUp(database.pool, nowMs, () => undefined);
  const days = await countedDays(database.pool, [camera.internalId], today - 30 * dayMs);
  return days
    .toSorted((a, b) => a.dayMs - b.dayMs)
    .map(({ dayMs: day, wantedMs, recordedMs, lostMs, gaps }) => ({
      day: new Date(day).toISOString().slice(0, 10),
      wantedHours: wantedMs / hourMs,
      recordedHours: recordedMs / hourMs,
      lostMs,
      gaps,
    }));
}

test('counts each day since the camera was added, and where the rest went', async () => {
  await footage(camera.createdAtMs, today - 6 * hourMs);
  await footage(today - 4 * hourMs, today + 3 * hourMs);
  await claimHole(database.pool, camera.id, today - 6 * hourMs, today - 4 * hourMs, 'unreachable', {});
  expect(await count(today + 3.25 * hourMs)).toEqual([
    { day: '2026-11-18', wantedHours: 12, recordedHours: 12, lostMs: {}, gaps: 0 },
    { day: '2026-11-19', wantedHours: 24, recordedHours: 22, lostMs: { unreachable: 2 * hourMs }, gaps: 1 },
    { day: '2026-11-20', wantedHours: 3, recordedHours: 3, lostMs: {}, gaps: 0 },
  ]);
});

test('footage that comes late shrinks the loss of its day', async () => {
  await footage(camera.createdAtMs, today - 6 * hourMs);
  await footage(today - 4 * hourMs, today);
  expect((await count(today))[1]).toMatchObject({ recordedHours: 22, lostMs: { unknown: 2 * hourMs } });
  await footage(today - 6 * hourMs, today - 4 * hourMs);
  expect((await count(today + hourMs))[1]).toMatchObject({ recordedHours: 24, lostMs: {}, gaps: 0 });
});

test('a day keeps its coverage when its footage is deleted, even where retention is lengthened afterwards', async () => {
  await footage(camera.createdAtMs, today + 6 * hourMs);
  const before = await count(today + 6 * hourMs);
  await keep(1);
  await deleteBefore(today - 18 * hourMs);
  expect(await count(today + 6 * hourMs)).toEqual(before);
  await keep(30);
  expect(await count(today + 6 * hourMs)).toEqual(before);
});

test('with a retention of one day each hour is counted before it goes', async () => {
  await keep(1);
  for (let nowMs = camera.createdAtMs + hourMs; nowMs <= today + dayMs; nowMs += hourMs) {
    await footage(nowMs - hourMs, nowMs);
    await deleteBefore(nowMs - dayMs);
    await rollUp(database.pool, nowMs, () => undefined);
  }
  expect(await count(today + dayMs)).toEqual([
    { day: '2026-11-18', wantedHours: 12, recordedHours: 12, lostMs: {}, gaps: 0 },
    { day: '2026-11-19', wantedHours: 24, recordedHours: 24, lostMs: {}, gaps: 0 },
    { day: '2026-11-20', wantedHours: 24, recordedHours: 24, lostMs: {}, gaps: 0 },
  ]);
});

test('days that nobody counted for longer than late footage is taken in are counted when it goes on, and then stay', async () => {
  await footage(camera.createdAtMs, today);
  await count(today);
  await claimHole(database.pool, camera.id, today, today + 12 * dayMs, 'unreachable', {});
  const days = await count(today + 12 * dayMs);
  expect(days.map(({ day }) => day.slice(5)).join(' ')).toBe(
    '11-18 11-19 11-20 11-21 11-22 11-23 11-24 11-25 11-26 11-27 11-28 11-29 11-30 12-01',
  );
  for (const day of days.slice(2)) {
    expect(day).toMatchObject({ wantedHours: 24, recordedHours: 0, lostMs: { unreachable: dayMs }, gaps: 1 });
  }
  await footage(today, today + dayMs);
  expect(await count(today + 12 * dayMs)).toEqual(days);
});

test('a day that was counted in part is counted to its end, and what nobody explains is missing then', async () => {
  await footage(camera.createdAtMs, today - 6 * hourMs);
  await count(today - 6 * hourMs);
  expect(await count(today + 10 * dayMs)).toMatchObject([
    { day: '2026-11-18', recordedHours: 12 },
    { day: '2026-11-19', wantedHours: 24, recordedHours: 18, lostMs: { unknown: 6 * hourMs } },
    { day: '2026-11-20', wantedHours: 24, recordedHours: 0, lostMs: { unknown: dayMs } },
    { day: '2026-11-21', recordedHours: 0 },
    { day: '2026-11-22', recordedHours: 0 },
  ]);
});

test('what reached its age before it was counted is said to be uncounted, but for what was paused', async () => {
  await keep(1);
  await footage(camera.createdAtMs, today + 12 * hourMs);
  await claimHole(database.pool, camera.id, today - 22 * hourMs, today - 20 * hourMs, 'paused', {});
  await count(camera.createdAtMs + 6 * hourMs);
  await count(today + 12 * hourMs);
  const days = await countedDays(database.pool, [camera.internalId], today - 30 * dayMs);
  const shown = days
    .toSorted((a, b) => a.dayMs - b.dayMs)
    .map((day) => [day.knownUntilMs, day.recordedMs / hourMs, day.uncountedMs / hourMs]);
  expect(shown).toEqual([
    [today - dayMs, 6, 6],
    [today, 12, 10],
    [today + 12 * hourMs, 12, 0],
  ]);
});

test('claims are forgotten that are older than footage can get; time that does not count as age is not counted', async () => {
  const { pool } = database;
  const nowMs = today + 400 * dayMs;
  const paused = await makeCamera(pool, { createdAtMs: camera.createdAtMs });
  await closeGap(pool, paused.id, camera.createdAtMs);
  for (const { id, createdAtMs } of [camera, paused]) {
    await claimHole(pool, id, createdAtMs + hourMs, createdAtMs + 2 * hourMs, 'closed', {});
    await claimHole(pool, id, nowMs - 366 * dayMs, nowMs - 365 * dayMs, 'auth', {});
  }
  await openGap(pool, camera.id, { startMs: today, reason: 'refused', evidence: {} });
  await pool.query(`insert into retention_pause (camera_id, start_at, end_at) values ($1, $2, $3)`, [
    paused.internalId,
    new Date(today),
    new Date(today + 60 * dayMs),
  ]);
  let steps = 0;
  await forget(pool, nowMs, () => (steps += 1));
  const kept = async (id: string) => (await claimsBetween(pool, id, 0, nowMs)).map(({ reason }) => reason);
  expect(await kept(camera.id)).toEqual(['refused', 'auth']);
  expect(await kept(paused.id)).toEqual(['operator', 'closed', 'auth']);
  expect(steps).toBe(0);
});

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { completeSweep, planSweep } from '../../activities/sweep-retention.ts';
import { placeHold, releaseHold } from '../../db/holds.ts';
import { changeRetention } from '../../db/retention.ts';
import { insertSegment } from '../../db/segments.ts';
import { expectMore, noteSweep, resumeSweeps, sweepState } from '../../db/sweep-state.ts';
import { transaction } from '../../db/sql.ts';
import { dayMs, shorteningDelayMs } from '../../domain/retention.ts';
import { createLogger } from '../../log.ts';
import { makeCamera, segmentOf } from '../db/fixtures.ts';
import { keysOf, storeFootage } from '../support/stored-footage.ts';
import { createSweepSite, dueMs, t0, type SweepSite } from './sweep-site.ts';
import { sweep, sweptAnHourBefore } from './whole-sweep.ts';

let site: SweepSite;
beforeAll(async () => {
  site = await createSweepSite();
});
afterEach(() => site.clear());
afterAll(() => site.close());

/** A month of footage that has no objects. */
async function cameraWithMonth() {
  const camera = await makeCamera(site.database.pool, { createdAtMs: t0 });
  const hours = Array.from({ length: 30 * 24 }, (_, hour) => t0 + hour * 3_600_000);
  for (const startMs of hours) {
    await insertSegment(site.database.pool, camera.internalId, segmentOf({ startMs, durationMs: 3_600_000, epoch: 0 }));
  }
  return camera;
}

test('a clock two years ahead deletes nothing: neither this one, nor the database’s, nor the store’s, nor all', async () => {
  await cameraWithMonth();
  const aheadMs = dueMs + 2 * 365 * dayMs;
  const count = async () => (await site.database.pool.query(`select from segment where state = 0`)).rowCount;
  const before = await count();
  await sweep(site.depsAt(t0 + 29 * dayMs));
  for (const [now, databaseNow, storeNow, reason] of [
    [aheadMs, dueMs, dueMs, 'clock'],
    [dueMs, aheadMs, dueMs, 'clock'],
    [dueMs, dueMs, aheadMs, 'clock'],
    [aheadMs, aheadMs, aheadMs, 'late'],
  ] as const) {
    const clocks = { databaseNow: async () => databaseNow, storeNow: async () => storeNow };
    expect(await sweep(site.depsAt(now, clocks))).toBeNull();
    expect((await sweepState(site.database.pool)).stopped?.reason).toBe(reason);
    expect(await count()).toBe(before);
    // It waits for somebody, though the clocks are right again.
    expect(await sweep(site.depsAt(dueMs))).toBeNull();
    await site.database.pool.query(`update retention_sweep set stopped_at = null, stop_reason = null, approved_ms = 0`);
  }
});

test('this clock and the database’s, wrong together by a day, are given away by the object store’s own', async () => {
  const dayAheadMs = Date.now() + dayMs;
  const camera = await makeCamera(site.database.pool, { createdAtMs: dayAheadMs - 31 * dayMs });
  const store = { db: site.database.pool, objects: site.objects };
  await storeFootage(store, camera, { startMs: dayAheadMs - 30.5 * dayMs });
  await sweptAnHourBefore(site.database.pool, dayAheadMs);
  expect(await sweep(site.depsAt(dayAheadMs, { storeNow: (objects) => objects.nowMs() }))).toBeNull();
  const { stopped } = await sweepState(site.database.pool);
  expect(stopped?.reason).toBe('clock');
  expect(stopped?.text).toMatch(/^Two clocks are 8\d{4} s apart: .* in the object store\.$/);
  expect(await keysOf(site.objects, camera)).toHaveLength(1);
  // Were the store wrong, too, nobody would see it.
  await site.database.pool.query(`update retention_sweep set stopped_at = null, stop_reason = null, approved_ms = 0`);
  expect(await sweep(site.depsAt(dayAheadMs))).toMatchObject({ segments: 1 });
});

test.each([
  ['says no time', async () => null],
  ['does not answer', () => Promise.reject(new Error('the store is away'))],
])('a store that %s is not compared, which is logged', async (_what, storeNow) => {
  const camera = await site.cameraWith(3);
  await sweptAnHourBefore(site.database.pool, dueMs + 60_000);
  const log = createLogger({ level: 'silent', name: 'test' });
  let warnings = 0;
  log.warn = () => void (warnings += 1);
  expect(await sweep(site.depsAt(dueMs + 60_000, { storeNow, log }))).toMatchObject({ segments: 1 });
  expect(warnings).toBe(1);
  expect(await site.minutesOf(camera)).toEqual([1, 2]);
});

test.each([
  // Eight days, after which nothing is due yet: what becomes due by such a clock would go too early.
  ['a sweep ran before', t0 + dayMs, t0 + 8 * dayMs + 1],
  ['none ran yet', null, dueMs + 60_000],
])('both clocks far ahead delete not even minutes: %s', async (_, sweptMs, daysAheadMs) => {
  const camera = await site.cameraWith(3);
  if (sweptMs !== null) await sweep(site.depsAt(sweptMs));
  for (const aheadMs of [dueMs + 2 * 365 * dayMs, daysAheadMs]) {
    expect(await sweep(site.depsAt(aheadMs))).toBeNull();
    expect((await sweepState(site.database.pool)).stopped?.reason).toBe('late');
    await site.database.pool.query(`update retention_sweep set stopped_at = null, stop_reason = null`);
  }
  expect(await site.minutesOf(camera)).toEqual([0, 1, 2]);
});

test('a system that was off for weeks waits for an operator, who lets it go on however late', async () => {
  const camera = await site.cameraWith(4);
  await sweep(site.depsAt(t0 + dayMs));
  const onMs = dueMs + 120_000;
  expect(await sweep(site.depsAt(onMs))).toBeNull();
  expect((await sweepState(site.database.pool)).stopped).toMatchObject({ reason: 'late', dueMs: 120_000 });
  const resumedMs = onMs + 10 * dayMs;
  await transaction(site.database.pool, (tx) => resumeSweeps(tx, resumedMs));
  expect(await sweep(site.depsAt(resumedMs + 600_000))).toMatchObject({ segments: 4 });
  expect(await site.minutesOf(camera)).toEqual([]);
  expect(await sweepState(site.database.pool)).toMatchObject({ resumedMs: null, approved: null, stopped: null });
});

test('a bad import stops the sweep, and an operator lets it go on', async () => {
  await sweep(site.depsAt(t0 + 59 * dayMs));
  const camera = await cameraWithMonth();
  expect(await sweep(site.depsAt(t0 + 60 * dayMs))).toBeNull();
  expect((await sweepState(site.database.pool)).stopped).toMatchObject({ reason: 'unpredicted', dueMs: 30 * dayMs });
  await transaction(site.database.pool, (tx) => resumeSweeps(tx, t0 + 60 * dayMs));
  expect(await sweep(site.depsAt(t0 + 60 * dayMs))).toMatchObject({ segments: 720 });
  expect(await site.minutesOf(camera)).toEqual([]);
});

/** As the last sweep of a big installation left it: what one camera may come to is little beside it. */
const forecastForMany = () =>
  site.database.pool.query(
    `update retention_sweep set forecast = (
       select jsonb_agg(jsonb_set(step, '{dueMs}', to_jsonb((step ->> 'dueMs')::bigint + $1::bigint)))
       from jsonb_array_elements(forecast) as step)`,
    [3000 * dayMs],
  );
const setDays = (internalId: number, days: number) =>
  site.database.pool.query(`update camera set retention_days = $2 where id = $1`, [internalId, days]);

test('a changed row of one camera among thousands stops the sweep, also one that was changed while a sweep ran', async () => {
  const camera = await cameraWithMonth();
  const nowMs = t0 + 30 * dayMs;
  await sweptAnHourBefore(site.database.pool, nowMs);
  const first = await planSweep(site.depsAt(nowMs));
  await setDays(camera.internalId, 1);
  await completeSweep(site.depsAt(nowMs), { atMs: first?.atMs ?? 0, segments: 0, bytes: 0, refused: 0, isWhole: true });
  await forecastForMany();
  expect(await sweep(site.depsAt(nowMs + 900_000))).toBeNull();
  const { stopped } = await sweepState(site.database.pool);
  expect(stopped).toMatchObject({ reason: 'unpredicted', dueMs: 29 * dayMs });
  expect(stopped?.text).toBe(`696 hours of “${camera.name}” are due where at most 0 were expected.`);
  // An operator's word is for this camera and for what it came to.
  await transaction(site.database.pool, (tx) => resumeSweeps(tx, nowMs + 900_000));
  const other = await cameraWithMonth();
  await setDays(other.internalId, 1);
  expect(await sweep(site.depsAt(nowMs + 900_000))).toBeNull();
  await setDays(other.internalId, 30);
  await transaction(site.database.pool, (tx) => resumeSweeps(tx, nowMs + 900_000));
  expect(await sweep(site.depsAt(nowMs + 900_000))).toMatchObject({ segments: 29 * 24 });
});

test('a shorter retention of one camera that was asked for is foreseen, and so is what a hold lets go', async () => {
  const [shorter, held] = [await cameraWithMonth(), await cameraWithMonth()];
  const db = site.database.pool;
  const askedMs = t0 + 30 * dayMs - shorteningDelayMs;
  await transaction(db, (tx) => changeRetention(tx, shorter.id, 1, { earlierMs: askedMs, laterMs: askedMs }));
  const range = { startMs: t0, endMs: t0 + 20 * dayMs };
  const by = { reason: 'case 7', placedBy: 'account:admin', placedAtMs: askedMs };
  const untilMs = askedMs + shorteningDelayMs;
  await transaction(db, (tx) => placeHold(tx, { cameraId: held.id, ...range, ...by, untilMs }));
  await setDays(held.internalId, 10); // all this time the hold alone has kept it
  await sweptAnHourBefore(db, askedMs);
  expect(await sweep(site.depsAt(askedMs))).toMatchObject({ segments: 0 });
  await forecastForMany();
  expect(await sweep(site.depsAt(untilMs))).toMatchObject({ segments: 29 * 24 + 20 * 24 });
});

test('a hold that is released while a sweep looks, or notes what it looks ahead to, is no fault', async () => {
  const db = site.database.pool;
  const nowMs = t0 + 30 * dayMs;
  const hold = { startMs: t0, endMs: t0 + 20 * dayMs, reason: 'case 7', placedBy: 'account:admin', untilMs: null };
  const heldCamera = async () => {
    const { id: cameraId, internalId } = await cameraWithMonth();
    const placed = await transaction(db, (tx) => placeHold(tx, { cameraId, ...hold, placedAtMs: t0 }));
    await setDays(internalId, 10); // all this time the hold alone has kept it
    /** What the API does when it is released. */
    return () =>
      transaction(db, async (tx) => {
        await releaseHold(tx, placed.hold.id, { by: 'account:admin', nowMs });
        await expectMore(tx, { internalId, dueMs: 20 * dayMs });
      });
  };
  const [releaseFirst, releaseSecond] = [await heldCamera(), await heldCamera()];
  await sweptAnHourBefore(db, nowMs - 3_600_000);
  expect(await sweep(site.depsAt(nowMs - 3_600_000))).toMatchObject({ segments: 0 });
  const storeNow = async (): Promise<number> => {
    await releaseFirst();
    return nowMs;
  };
  expect(await planSweep(site.depsAt(nowMs, { storeNow }))).toEqual({ atMs: nowMs });
  const knownEntries = (await sweepState(db)).cameraForecast.length;
  await releaseSecond();
  const forecast = [{ atMs: nowMs + 3_600_000, dueMs: 20 * dayMs }];
  const swept = { atMs: nowMs, segments: 0, bytes: 0, refused: 0, isWhole: false };
  const cameraForecast = [{ internalId: 1, atMs: nowMs + 3_600_000, dueMs: dayMs }];
  await noteSweep(db, { ...swept, forecast, cameraForecast, knownEntries });
  expect(await sweepState(db)).toMatchObject({
    forecast: [{ dueMs: 40 * dayMs }],
    cameraForecast: [...cameraForecast, { atMs: null, dueMs: 20 * dayMs }],
  });
});

test('an operator who lets a sweep go on after a wrong clock lets pass what is due by the right one', async () => {
  const camera = await cameraWithMonth();
  await sweep(site.depsAt(t0 + 29 * dayMs));
  const aheadMs = dueMs + 2 * 365 * dayMs;
  expect(await sweep(site.depsAt(aheadMs))).toBeNull();
  expect((await sweepState(site.database.pool)).stopped).toMatchObject({ reason: 'late', dueMs: 30 * dayMs });
  await transaction(site.database.pool, (tx) => resumeSweeps(tx, dueMs + 7_200_000));
  const { approved } = await sweepState(site.database.pool);
  const cameras = [{ internalId: camera.internalId, dueMs: 7_200_000 }];
  expect(approved).toEqual({ dueMs: 7_200_000, asOfMs: dueMs + 7_200_000, cameras });
  expect(await sweep(site.depsAt(dueMs + 7_200_000))).toMatchObject({ segments: 2 });
});

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { insertSegment } from '../../db/segments.ts';
import { resumeSweeps, sweepState } from '../../db/sweep-state.ts';
import { transaction } from '../../db/sql.ts';
import { dayMs } from '../../domain/retention.ts';
import { createLogger } from '../../log.ts';
import { makeCamera, segmentOf } from '../db/fixtures.ts';
import { keysOf, storeFootage } from './stored-footage.ts';
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

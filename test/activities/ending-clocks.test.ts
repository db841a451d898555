import { Readable } from 'node:stream';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCollectObjectsActivities } from '../../activities/collect-objects.ts';
import { createRollUpCoverageActivities } from '../../activities/roll-up-coverage.ts';
import type { DeletionClockDeps } from '../../activities/deletion-clocks.ts';
import { cameraByPublicId } from '../../db/cameras.ts';
import { countedDays } from '../../db/coverage.ts';
import { claimHole, claimsBetween, closeGap } from '../../db/gaps.ts';
import { enqueue } from '../../db/object-gc.ts';
import { transaction } from '../../db/sql.ts';
import { resumeSweeps, stopSweeps } from '../../db/sweep-state.ts';
import { dayMs } from '../../domain/retention.ts';
import { createLogger } from '../../log.ts';
import type { Objects } from '../../storage/objects.ts';
import { makeCamera } from '../db/fixtures.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createTestBucket } from '../support/objects.ts';
import { footageOf, keysOf } from '../support/stored-footage.ts';
import { activitiesOf, dueMs, retiredCamera, t0, waitOf } from './purge-site.ts';
import { sweptAnHourBefore } from './whole-sweep.ts';

const [early, late] = [t0 + 20 * dayMs, t0 + 2 * 365 * dayMs];
const allSay = (ms: number) => ({ now: () => ms, databaseNow: async () => ms, storeNow: async () => ms });

let database: TestDatabase;
let objects: Objects;
beforeAll(async () => {
  [database, objects] = await Promise.all([createTestDatabase(), createTestBucket()]);
});
afterAll(async () => {
  objects.close();
  await database.drop();
});

test('clocks that are wrong purge nothing, not even where all jump together, and it says so', async () => {
  const camera = await retiredCamera(database.pool, objects, 1);
  await sweptAnHourBefore(database.pool, early);
  for (const [worker, server, store, why] of [
    [late, early, early, 'Two clocks are'],
    [early, late, early, 'Two clocks are'],
    [late, late, early, 'Two clocks are'],
    [early, early, late, 'Two clocks are'],
    [late, late, late, 'The last retention sweep was at 2026-01-20T23:00:00.000Z'],
  ] as const) {
    const clocks = { now: () => worker, databaseNow: async () => server, storeNow: async () => store };
    const reason = expect.stringContaining(why);
    const waits = { kind: 'waits', againInMs: 600_000, reason };
    expect(await activitiesOf(database.pool, objects, clocks).startPurge(camera.id)).toMatchObject(waits);
    expect(await cameraByPublicId(database.pool, camera.id)).toMatchObject({ state: 'grace', stateReason: reason });
  }
  expect(await waitOf(database.pool, camera.id)).toMatchObject({ waitsFor: 'workflow', reason: expect.any(String) });
  // A sweep that was stopped for its clocks holds purges, too, though they agree again.
  const stop = { reason: 'late', text: 'far too late', dueMs: 0, atMs: dueMs } as const;
  await sweptAnHourBefore(database.pool, dueMs);
  await transaction(database.pool, (tx) => stopSweeps(tx, stop));
  const start = () => activitiesOf(database.pool, objects).startPurge(camera.id);
  expect(await start()).toMatchObject({ kind: 'waits', reason: expect.stringContaining('far too late') });
  expect(await keysOf(objects, camera)).toHaveLength(1);
  await transaction(database.pool, (tx) => resumeSweeps(tx, dueMs));
  expect(await start()).toEqual({ kind: 'done' });
  await database.pool.query(`update retention_sweep set looked_at = null, swept_at = null, resumed_at = null`);
});

test.each([
  [early, late, late],
  [late, early, late],
  [late, late, early],
])('the collector deletes nothing by clocks of which one is wrong (%d, %d, %d)', async (now, server, store) => {
  const camera = await makeCamera(database.pool, { createdAtMs: t0 });
  const { key, body, segment } = footageOf(camera, { startMs: t0 });
  await objects.put(key, Readable.from([body]), body.length, segment.sha256);
  await enqueue(database.pool, [key], 'finished', dueMs);
  const log = createLogger({ level: 'silent', name: 'test' });
  const collect = (clocks: ReturnType<typeof allSay>) => {
    const deps = { db: database.pool, objects, log, ...clocks };
    return new MockActivityEnvironment().run(() => createCollectObjectsActivities(deps).collectObjects());
  };
  const clocks = { now: () => now, databaseNow: async () => server, storeNow: async () => store };
  expect(await collect(clocks)).toEqual({ deleted: 0, kept: 0 });
  expect(await collect(allSay(dueMs))).toEqual({ deleted: 1, kept: 0 });
});

test('coverage is not counted, and no reason is forgotten, by clocks that are wrong', async () => {
  const { pool } = database;
  const camera = await makeCamera(pool, { createdAtMs: t0 });
  await closeGap(pool, camera.id, t0);
  await claimHole(pool, camera.id, t0, t0 + 3_600_000, 'auth', {});
  await sweptAnHourBefore(pool, early);
  const log = createLogger({ level: 'silent', name: 'test' });
  const rollUp = (clocks: Pick<DeletionClockDeps, 'now' | 'databaseNow' | 'storeNow'>) => {
    const deps = { db: pool, objects, log, ...clocks };
    const work = (): Promise<{ days: number }> => createRollUpCoverageActivities(deps).rollUpCoverage();
    return new MockActivityEnvironment().run<[], { days: number }, typeof work>(work);
  };
  const counted = async () => (await countedDays(pool, [camera.internalId], 0)).length;
  const told = async () => (await claimsBetween(pool, camera.id, 0, late)).map(({ reason }) => reason).at(-1);
  for (const [worker, server, store] of [
    [late, early, early],
    [early, late, early],
    [early, early, late],
    [late, late, late],
  ] as const) {
    const clocks = { now: () => worker, databaseNow: async () => server, storeNow: async () => store };
    expect(await rollUp(clocks)).toEqual({ days: 0 });
    expect([await counted(), await told()]).toEqual([0, 'auth']);
  }
  // 20 days, but the last ones: what nobody explains there may yet come.
  await rollUp(allSay(early));
  expect([await counted(), await told()]).toEqual([13, 'auth']);
  await pool.query(`update retention_sweep set looked_at = null, swept_at = null, resumed_at = null`);
});

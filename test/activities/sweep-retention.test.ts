import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { nothingSwept, sweepShard, type SweepRetentionDeps } from '../../activities/sweep-retention.ts';
import { listAuditEntries } from '../../db/audit.ts';
import { insertSegment } from '../../db/segments.ts';
import { placeHold } from '../../db/holds.ts';
import { changeRetention, notePause } from '../../db/retention.ts';
import { resumeSweeps, sweepState } from '../../db/sweep-state.ts';
import { many, transaction } from '../../db/sql.ts';
import { dayMs, shorteningDelayMs } from '../../domain/retention.ts';
import { createLogger } from '../../log.ts';
import type { Objects } from '../../storage/objects.ts';
import { makeCamera, segmentOf } from '../db/fixtures.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createTestBucket } from '../support/objects.ts';
import { keysOf, storeFootage, type FootageOwner } from './stored-footage.ts';
import { sweep, sweptAnHourBefore } from './whole-sweep.ts';

const t0 = Date.UTC(2026, 0, 1);
const dueMs = t0 + 30 * dayMs;
let database: TestDatabase;
let objects: Objects;
beforeAll(async () => {
  [database, objects] = await Promise.all([createTestDatabase(), createTestBucket()]);
});
afterEach(async () => {
  await database.pool.query(`update camera set status = 'purged'`);
  await database.pool.query(`delete from retention_sweep`);
  await database.pool.query(`insert into retention_sweep default values`);
});
afterAll(async () => {
  objects.close();
  await database.drop();
});

/** Both clocks say this, unless the database's says something else. */
function depsAt(nowMs: number, changes: Partial<SweepRetentionDeps> = {}): SweepRetentionDeps {
  return {
    db: database.pool,
    objects,
    log: createLogger({ level: 'silent', name: 'test' }),
    now: () => nowMs,
    databaseNow: () => Promise.resolve(nowMs),
    maxSegmentsPerSecond: 1e9,
    ...changes,
  };
}

/** A sweep by right clocks, not the first one. */
async function sweepAt(nowMs: number, changes: Partial<SweepRetentionDeps> = {}) {
  await sweptAnHourBefore(database.pool, nowMs);
  return sweep(depsAt(nowMs, changes));
}

/** Minutes of footage from t0 on. */
async function cameraWith(minutes: number, store: Objects = objects) {
  const camera = await makeCamera(database.pool, { createdAtMs: t0 });
  for (let i = 0; i < minutes; i += 1) {
    await storeFootage({ db: database.pool, objects: store }, camera, { startMs: t0 + i * 60_000 });
  }
  return camera;
}

/** The minutes that are left of a camera, in the catalogue; the bucket must say the same. */
async function minutesOf(camera: FootageOwner, store: Objects = objects): Promise<number[]> {
  const rows = await many(
    database.pool,
    z.object({ start_at: z.date() }).transform((row) => (row.start_at.getTime() - t0) / 60_000),
    `select start_at from segment where camera_id = $1 order by start_at`,
    [camera.internalId],
  );
  expect(await keysOf(store, camera)).toHaveLength(rows.length);
  return rows;
}

const hold = (cameraId: string, fromMinute: number, toMinute: number, untilMs: number | null = null) =>
  transaction(database.pool, (tx) =>
    placeHold(tx, {
      cameraId,
      startMs: t0 + fromMinute * 60_000,
      endMs: t0 + toMinute * 60_000,
      reason: 'case 7',
      untilMs,
      placedBy: 'account:admin',
      placedAtMs: t0,
    }),
  );

test('deletes a minute when its end has reached the age, and not a millisecond earlier', async () => {
  const camera = await cameraWith(4);
  expect(await sweepAt(dueMs + 120_000 - 1)).toMatchObject({ segments: 1 });
  expect(await minutesOf(camera)).toEqual([1, 2, 3]);
  expect(await sweepAt(dueMs + 120_000)).toMatchObject({ segments: 1 });
  expect(await minutesOf(camera)).toEqual([2, 3]);
});

test.each(['sweep-marked', 'marked', 'removed', 'looked', 'forgotten'])(
  'killed at "%s", the next sweep does the rest and no more',
  async (place) => {
    const camera = await cameraWith(4);
    const failpoint = (name: string): void => {
      if (name === place) throw new Error(`killed at ${name}`);
    };
    await expect(sweepAt(dueMs + 120_000, { failpoint })).rejects.toThrow('killed');
    await sweepAt(dueMs + 120_000);
    expect(await minutesOf(camera)).toEqual([2, 3]);
  },
);

test('a hold keeps what it touches until it ends', async () => {
  const camera = await cameraWith(6);
  const endMs = dueMs + 2 * dayMs;
  await hold(camera.id, 1.5, 3, endMs);
  await sweepAt(endMs - 1);
  expect(await minutesOf(camera)).toEqual([1, 2]);
  await sweepAt(endMs);
  await sweepAt(endMs + 60_000);
  expect(await minutesOf(camera)).toEqual([]);
  const entries = await listAuditEntries(database.pool, { cameraId: camera.id, limit: 10 });
  const until = new Date(endMs).toISOString();
  expect(entries.map(({ body }) => JSON.parse(body) as unknown)).toMatchObject([
    { at: until, actor: 'service:retention', action: 'hold.end', after: { reason: 'case 7', until } },
  ]);
});

test('a hold that is placed while footage is being deleted is told what it came too late for', async () => {
  const camera = await cameraWith(4);
  const told: unknown[] = [];
  const failpoint = async (name: string): Promise<void> => {
    if (name === 'sweep-marked' && told.length === 0) told.push((await hold(camera.id, 0, 4)).beingDeleted);
  };
  await sweepAt(dueMs + 120_000, { failpoint });
  expect(told).toEqual([{ segments: 2, durationMs: 120_000 }]);
  expect(await minutesOf(camera)).toEqual([2, 3]);
});

test('a shorter retention takes effect after its delay, a longer one at once', async () => {
  const camera = await cameraWith(2);
  const change = (days: number, atMs: number) =>
    transaction(database.pool, (tx) => changeRetention(tx, camera.id, days, atMs));
  const askedMs = t0 + 10 * dayMs;
  await change(5, askedMs);
  await sweepAt(askedMs + shorteningDelayMs - 1);
  expect(await minutesOf(camera)).toEqual([0, 1]);
  await change(60, askedMs + shorteningDelayMs - 1);
  await sweepAt(dueMs + dayMs);
  expect(await minutesOf(camera)).toEqual([0, 1]);
  await change(5, dueMs + dayMs);
  await sweepAt(dueMs + dayMs + shorteningDelayMs);
  expect(await minutesOf(camera)).toEqual([]);
});

test('a camera that came back from grace finds its footage as young as it left it', async () => {
  const camera = await cameraWith(2);
  const pause = { startMs: t0 + 10 * dayMs, endMs: t0 + 80 * dayMs };
  await database.pool.query(`update camera set retired_at = $2 where id = $1`, [
    camera.internalId,
    new Date(pause.startMs),
  ]);
  await sweepAt(pause.endMs);
  expect(await minutesOf(camera)).toEqual([0, 1]);
  await notePause(database.pool, camera.internalId, pause);
  await database.pool.query(`update camera set retired_at = null where id = $1`, [camera.internalId]);
  await sweepAt(t0 + 100 * dayMs + 60_000 - 1);
  expect(await minutesOf(camera)).toEqual([0, 1]);
  await sweepAt(t0 + 100 * dayMs + 60_000);
  expect(await minutesOf(camera)).toEqual([1]);
});

/** A month of footage that has no objects: it must never come to a deletion. */
async function cameraWithMonth() {
  const camera = await makeCamera(database.pool, { createdAtMs: t0 });
  const hours = Array.from({ length: 30 * 24 }, (_, hour) => t0 + hour * 3_600_000);
  for (const startMs of hours) {
    await insertSegment(database.pool, camera.internalId, segmentOf({ startMs, durationMs: 3_600_000, epoch: 0 }));
  }
  return camera;
}

test('a clock two years ahead deletes nothing: neither this one, nor the database’s, nor both', async () => {
  await cameraWithMonth();
  const aheadMs = dueMs + 2 * 365 * dayMs;
  const count = async () => (await database.pool.query(`select from segment where state = 0`)).rowCount;
  const before = await count();
  await sweep(depsAt(t0 + 29 * dayMs));
  for (const [now, databaseNow, reason] of [
    [aheadMs, dueMs, 'clock'],
    [dueMs, aheadMs, 'clock'],
    [aheadMs, aheadMs, 'late'],
  ] as const) {
    expect(await sweep(depsAt(now, { databaseNow: () => Promise.resolve(databaseNow) }))).toBeNull();
    expect((await sweepState(database.pool)).stopped?.reason).toBe(reason);
    expect(await count()).toBe(before);
    // It waits for somebody, though the clocks are right again.
    expect(await sweep(depsAt(dueMs))).toBeNull();
    await database.pool.query(`update retention_sweep set stopped_at = null, stop_reason = null, approved_ms = 0`);
  }
});

test.each([
  // Eight days, after which nothing is due yet: what becomes due by such a clock would go too early.
  ['a sweep ran before', t0 + dayMs, t0 + 8 * dayMs + 1],
  ['none ran yet', null, dueMs + 60_000],
])('both clocks far ahead delete not even minutes: %s', async (_, sweptMs, daysAheadMs) => {
  const camera = await cameraWith(3);
  if (sweptMs !== null) await sweep(depsAt(sweptMs));
  for (const aheadMs of [dueMs + 2 * 365 * dayMs, daysAheadMs]) {
    expect(await sweep(depsAt(aheadMs))).toBeNull();
    expect((await sweepState(database.pool)).stopped?.reason).toBe('late');
    await database.pool.query(`update retention_sweep set stopped_at = null, stop_reason = null`);
  }
  expect(await minutesOf(camera)).toEqual([0, 1, 2]);
});

test('a system that was off for weeks waits for an operator, who lets it go on however late', async () => {
  const camera = await cameraWith(4);
  await sweep(depsAt(t0 + dayMs));
  const onMs = dueMs + 120_000;
  expect(await sweep(depsAt(onMs))).toBeNull();
  expect((await sweepState(database.pool)).stopped).toMatchObject({ reason: 'late', dueMs: 120_000 });
  const resumedMs = onMs + 10 * dayMs;
  await transaction(database.pool, (tx) => resumeSweeps(tx, resumedMs));
  expect(await sweep(depsAt(resumedMs + 600_000))).toMatchObject({ segments: 4 });
  expect(await minutesOf(camera)).toEqual([]);
  expect(await sweepState(database.pool)).toMatchObject({ resumedMs: null, approved: null, stopped: null });
});

test('a bad import stops the sweep, and an operator lets it go on', async () => {
  await sweep(depsAt(t0 + 59 * dayMs));
  const camera = await cameraWithMonth();
  expect(await sweep(depsAt(t0 + 60 * dayMs))).toBeNull();
  expect((await sweepState(database.pool)).stopped).toMatchObject({ reason: 'unpredicted', dueMs: 30 * dayMs });
  await transaction(database.pool, (tx) => resumeSweeps(tx, t0 + 60 * dayMs));
  expect(await sweep(depsAt(t0 + 60 * dayMs))).toMatchObject({ segments: 720 });
  expect(await minutesOf(camera)).toEqual([]);
});

test('a camera that fails holds up no other one, and the next try counts what the one before it deleted', async () => {
  const cameras = [await cameraWith(2), await cameraWith(2), await cameraWith(2)] as const;
  const failing = cameras[1];
  const store: Objects = {
    ...objects,
    remove: (keys) => {
      if (keys.some((key) => key.includes(failing.id))) throw new Error('the store is away');
      return objects.remove(keys);
    },
  };
  const shard = { atMs: dueMs + 120_000, shard: 0, shards: 1 };
  let reached = nothingSwept;
  const beat = (next: typeof reached): void => void (reached = next);
  const told = sweepShard(depsAt(shard.atMs, { objects: store }), shard, nothingSwept, beat);
  await expect(told).rejects.toThrow(`1 of the cameras to sweep failed, the first: ${failing.id}: the store is away`);
  const left = await Promise.all(cameras.map((camera) => minutesOf(camera)));
  expect(left).toEqual([[], [0, 1], []]);
  expect(reached).toMatchObject({ fromId: failing.internalId, segments: 4, refused: 0 });
  const { bytes } = reached;
  expect(await sweepShard(depsAt(shard.atMs), shard, reached, beat)).toMatchObject({ segments: 6 });
  expect(reached.bytes).toBeGreaterThan(bytes);
  expect(await minutesOf(failing)).toEqual([]);
});

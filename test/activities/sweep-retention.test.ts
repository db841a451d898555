import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';
import { nothingSwept, sweepShard, type SweepRetentionDeps } from '../../activities/sweep-retention.ts';
import { listAuditEntries } from '../../db/audit.ts';
import { placeHold } from '../../db/holds.ts';
import { changeRetention, lockTerms, notePause } from '../../db/retention.ts';
import { sweepState } from '../../db/sweep-state.ts';
import { transaction } from '../../db/sql.ts';
import { changeGraceArchive, defaultTenant, lockTenant } from '../../db/tenants.ts';
import { dayMs, shorteningDelayMs } from '../../domain/retention.ts';
import { createCameraIds } from '../../recorder/camera-ids.ts';
import { createLinger } from '../../recorder/linger.ts';
import { createQuarantine } from '../../recorder/quarantine.ts';
import { lingeringFileName, segmentFileName } from '../../recorder/segment-name.ts';
import { type Objects } from '../../storage/objects.ts';
import { openSpool } from '../../storage/spool.ts';
import { footageOf } from '../support/stored-footage.ts';
import { createSweepSite, dueMs, t0, type SweepSite } from './sweep-site.ts';
import { sweep, sweptAnHourBefore } from './whole-sweep.ts';

let site: SweepSite;
beforeAll(async () => {
  site = await createSweepSite();
});
afterEach(() => site.clear());
afterAll(() => site.close());

/** A sweep by right clocks, not the first one. */
async function sweepAt(nowMs: number, changes: Partial<SweepRetentionDeps> = {}) {
  await sweptAnHourBefore(site.database.pool, nowMs);
  return sweep(site.depsAt(nowMs, changes));
}

const hold = (cameraId: string, fromMinute: number, toMinute: number, untilMs: number | null = null) =>
  transaction(site.database.pool, (tx) =>
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

test.each(['record', 'paused'])(
  'a minute of a camera whose intent is %s goes when its end has reached the age, and not a millisecond earlier',
  async (intent) => {
    const camera = await site.cameraWith(4);
    await site.database.pool.query(`update camera set intent = $2 where id = $1`, [camera.internalId, intent]);
    expect(await sweepAt(dueMs + 120_000 - 1)).toMatchObject({ segments: 1 });
    expect(await site.minutesOf(camera)).toEqual([1, 2, 3]);
    expect(await sweepAt(dueMs + 120_000)).toMatchObject({ segments: 1 });
    expect(await site.minutesOf(camera)).toEqual([2, 3]);
  },
);

test('a hold keeps what it touches until it ends', async () => {
  const camera = await site.cameraWith(6);
  const endMs = dueMs + 2 * dayMs;
  await hold(camera.id, 1.5, 3, endMs);
  await sweepAt(endMs - 1);
  expect(await site.minutesOf(camera)).toEqual([1, 2]);
  await sweepAt(endMs);
  await sweepAt(endMs + 60_000);
  expect(await site.minutesOf(camera)).toEqual([]);
  const entries = await listAuditEntries(site.database.pool, { cameraId: camera.id, limit: 10 });
  const until = new Date(endMs).toISOString();
  expect(entries.map(({ body }) => JSON.parse(body) as unknown)).toMatchObject([
    { at: until, actor: 'service:retention', action: 'hold.end', after: { reason: 'case 7', until } },
  ]);
});

test('a hold that is placed while footage is being deleted is told what it came too late for', async () => {
  const camera = await site.cameraWith(4);
  const told: unknown[] = [];
  const failpoint = async (name: string): Promise<void> => {
    if (name === 'sweep-marked' && told.length === 0) told.push((await hold(camera.id, 0, 4)).beingDeleted);
  };
  await sweepAt(dueMs + 120_000, { failpoint });
  expect(told).toEqual([{ segments: 2, durationMs: 120_000 }]);
  expect(await site.minutesOf(camera)).toEqual([2, 3]);
});

test('what a recorder still has of footage that is being deleted is not stored again, unlike what the store lost', async () => {
  const camera = await site.cameraWith(2);
  const dir = await mkdtemp(join(tmpdir(), 'framekeep-linger-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const spool = await openSpool({ dir, maxBytes: 10_000_000 });
  for (const startMs of [t0, t0 + 60_000]) {
    const { segment, body } = footageOf(camera, { startMs });
    const name = { startMs, durationMs: segment.durationMs, epoch: segment.epoch, anchor: segment.anchor };
    const run = await spool.openRun(camera.id, 'run');
    await writeFile(join(run, '0.mp4'), body);
    await spool.close({ cameraId: camera.id, run: 'run', name: '0.mp4' }, segmentFileName(name));
    await spool.linger(camera.id, segmentFileName(name), lingeringFileName(name, segment.sha256));
  }
  const { db, objects, log } = site.depsAt(dueMs + 60_000);
  const [cameraIds, quarantine] = [createCameraIds(db), createQuarantine({ spoolDir: dir, now: Date.now })];
  const linger = createLinger({ db, spool, objects, cameraIds, quarantine, lingerMs: 0, log, now: Date.now });
  await objects.remove([footageOf(camera, { startMs: t0 + 60_000 }).key]);
  const told: unknown[] = [];
  const failpoint = async (name: string): Promise<void> => {
    if (name === 'looked') told.push(await linger.sweep(0));
  };
  await sweepAt(dueMs + 60_000, { failpoint });
  expect(told).toEqual([{ removed: 1, putAgain: 1 }]);
  expect(await site.minutesOf(camera)).toEqual([1]);
});

test('a shorter retention takes effect after its delay, a longer one at once', async () => {
  const camera = await site.cameraWith(2);
  const change = (days: number, atMs: number) =>
    transaction(site.database.pool, (tx) => changeRetention(tx, camera.id, days, { earlierMs: atMs, laterMs: atMs }));
  const askedMs = t0 + 10 * dayMs;
  await change(5, askedMs);
  await sweepAt(askedMs + shorteningDelayMs - 1);
  expect(await site.minutesOf(camera)).toEqual([0, 1]);
  await change(60, askedMs + shorteningDelayMs - 1);
  await sweepAt(dueMs + dayMs);
  expect(await site.minutesOf(camera)).toEqual([0, 1]);
  await change(5, dueMs + dayMs);
  await sweepAt(dueMs + dayMs + shorteningDelayMs);
  expect(await site.minutesOf(camera)).toEqual([]);
});

test('an archive in grace ages from the end of the delay on, as was forecast, and all of its time counts then', async () => {
  const camera = await site.cameraWith(3);
  const db = site.database.pool;
  await db.query(`update camera set retired_at = $2, grace_ends_at = $3 where id = $1`, [
    camera.internalId,
    new Date(t0 + 10 * dayMs),
    new Date(t0 + 200 * dayMs),
  ]);
  const { id } = await defaultTenant(db);
  const change = (wanted: 'frozen' | 'rolling', atMs: number) =>
    transaction(db, async (tx) => {
      const tenant = await lockTenant(tx, id);
      return tenant === null ? null : changeGraceArchive(tx, tenant, wanted, atMs);
    });
  const askedMs = dueMs + 20 * dayMs;
  const rollsMs = askedMs + shorteningDelayMs;
  await change('rolling', askedMs);
  await sweepAt(rollsMs - 1);
  expect(await site.minutesOf(camera)).toEqual([0, 1, 2]);
  expect((await sweepState(db)).forecast[0]).toMatchObject({ dueMs: 180_000 });
  await change('frozen', rollsMs - 1);
  await sweepAt(rollsMs);
  expect(await site.minutesOf(camera)).toEqual([0, 1, 2]);
  await change('rolling', rollsMs - shorteningDelayMs);
  await sweepAt(rollsMs);
  expect(await site.minutesOf(camera)).toEqual([]);
  expect(await defaultTenant(db)).toMatchObject({ graceArchive: 'rolling', rollsAtMs: null });
  const [entry] = await listAuditEntries(db, { tenantId: id, limit: 1 });
  expect(JSON.parse(entry?.body ?? '')).toMatchObject({
    actor: 'service:retention',
    action: 'tenant.apply',
    before: { graceArchive: 'frozen' },
    after: { graceArchive: 'rolling' },
  });
  await change('frozen', rollsMs);
});

test('that an archive shall stay frozen waits for the batch that is being marked', async () => {
  const camera = await site.cameraWith(1);
  const { id } = await defaultTenant(site.database.pool);
  await transaction(site.database.pool, async (tx) => {
    await lockTerms(tx, camera.internalId);
    const changed = transaction(site.database.pool, async (other) => {
      await other.query(`set local lock_timeout = '100ms'`);
      return lockTenant(other, id);
    });
    await expect(changed).rejects.toThrow('lock timeout');
  });
});

test('a camera that came back from grace finds its footage as young as it left it', async () => {
  const camera = await site.cameraWith(2);
  const pause = { startMs: t0 + 10 * dayMs, endMs: t0 + 80 * dayMs };
  await site.database.pool.query(`update camera set retired_at = $2 where id = $1`, [
    camera.internalId,
    new Date(pause.startMs),
  ]);
  await sweepAt(pause.endMs);
  expect(await site.minutesOf(camera)).toEqual([0, 1]);
  await notePause(site.database.pool, camera.internalId, pause, pause.endMs);
  await site.database.pool.query(`update camera set retired_at = null where id = $1`, [camera.internalId]);
  await sweepAt(t0 + 100 * dayMs + 60_000 - 1);
  expect(await site.minutesOf(camera)).toEqual([0, 1]);
  await sweepAt(t0 + 100 * dayMs + 60_000);
  expect(await site.minutesOf(camera)).toEqual([1]);
});

test('a camera that fails holds up no other one, and the next try counts what the one before it deleted', async () => {
  const cameras = [await site.cameraWith(2), await site.cameraWith(2), await site.cameraWith(2)] as const;
  const failing = cameras[1];
  const store: Objects = {
    ...site.objects,
    remove: (keys) => {
      if (keys.some((key) => key.includes(failing.id))) throw new Error('the store is away');
      return site.objects.remove(keys);
    },
  };
  const shard = { atMs: dueMs + 120_000, shard: 0, shards: 1 };
  let reached = nothingSwept;
  const beat = (next: typeof reached): void => void (reached = next);
  const told = sweepShard(site.depsAt(shard.atMs, { objects: store }), shard, nothingSwept, beat);
  await expect(told).rejects.toThrow(`1 of the cameras to sweep failed, the first: ${failing.id}: the store is away`);
  const left = await Promise.all(cameras.map((camera) => site.minutesOf(camera)));
  expect(left).toEqual([[], [0, 1], []]);
  const fromId = cameras[2].internalId + 1;
  expect(reached).toMatchObject({ fromId, leftIds: [failing.internalId], segments: 4, refused: 0, refusedBefore: 0 });
  const { bytes } = reached;
  expect(await sweepShard(site.depsAt(shard.atMs), shard, reached, beat)).toMatchObject({ segments: 6 });
  expect(reached.bytes).toBeGreaterThan(bytes);
  expect(await site.minutesOf(failing)).toEqual([]);
});

test('a camera of which much is due takes turns with the others, and the next try goes on where each has come to', async () => {
  const cameras = [await site.cameraWith(5), await site.cameraWith(2), await site.cameraWith(1)] as const;
  const ids = cameras.map(({ internalId }) => internalId);
  const turns: string[] = [];
  const objects: Objects = {
    ...site.objects,
    remove: (keys) => {
      if (turns.length === 3) throw new Error('the store is away');
      turns.push(`camera ${cameras.findIndex(({ id }) => keys[0]?.includes(id))}: ${keys.length}`);
      return site.objects.remove(keys);
    },
  };
  const deps = site.depsAt(dueMs + 300_000, { objects, maxSegmentsATurn: 2 });
  const shard = { atMs: dueMs + 300_000, shard: 0, shards: 1 };
  const beats: (typeof nothingSwept)[] = [];
  const beat = (next: typeof nothingSwept): void => void beats.push(next);
  await expect(sweepShard(deps, shard, nothingSwept, beat)).rejects.toThrow('the store is away');
  expect(turns).toEqual(['camera 0: 2', 'camera 1: 2', 'camera 2: 1']);
  const reached = beats.at(-1) ?? nothingSwept;
  expect(beats).toContainEqual(expect.objectContaining({ fromId: (ids[1] ?? 0) + 1, leftIds: ids.slice(0, 2) }));
  expect(reached).toMatchObject({ fromId: (ids[2] ?? 0) + 1, leftIds: [ids[0]], segments: 5 });

  expect(await sweepShard({ ...deps, objects: site.objects }, shard, reached, beat)).toMatchObject({ segments: 8 });
  for (const camera of cameras) expect(await site.minutesOf(camera)).toEqual([]);
});

import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { commitSlow } from '../../db/segments.ts';
import { transaction } from '../../db/sql.ts';
import { createLogger } from '../../log.ts';
import { createCameraIds } from '../../recorder/camera-ids.ts';
import { createLinger } from '../../recorder/linger.ts';
import { createQuarantine } from '../../recorder/quarantine.ts';
import { lingeringFileName, segmentFileName } from '../../recorder/segment-name.ts';
import { openSpool } from '../../storage/spool.ts';
import { makeCamera } from '../db/fixtures.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createTestBucket } from '../support/objects.ts';
import { footageOf } from '../support/stored-footage.ts';

const log = createLogger({ level: 'silent', name: 'test' });
const t0 = Date.UTC(2026, 0, 1);
let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

test('a file that has rotted, and whose object is lost, goes into quarantine and keeps no other from being given up', async () => {
  const { pool: db } = database;
  const objects = await createTestBucket();
  const dir = await mkdtemp(path.join(tmpdir(), 'framekeep-linger-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const spool = await openSpool({ dir, maxBytes: 10_000_000 });
  const camera = await makeCamera(db, { createdAtMs: t0 });
  for (const [i, isRotten] of [true, false].entries()) {
    const { segment, body, key } = footageOf(camera, { startMs: t0 + i * 60_000 });
    expect(await transaction(db, (tx) => commitSlow(tx, camera.internalId, segment))).toBe('committed');
    const run = path.join(await spool.openRun(camera.id, 'run'), '0.mp4');
    await writeFile(run, body);
    if (!isRotten) await objects.put(key, run, segment.bytes, segment.sha256);
    if (isRotten) await writeFile(run, body.subarray(0, body.length - 1));
    const { startMs, durationMs, epoch, anchor } = segment;
    const name = { startMs, durationMs, epoch, anchor };
    await spool.close({ cameraId: camera.id, run: 'run', name: '0.mp4' }, segmentFileName(name));
    await spool.linger(camera.id, segmentFileName(name), lingeringFileName(name, segment.sha256));
  }
  const [cameraIds, quarantine] = [createCameraIds(db), createQuarantine({ spoolDir: dir, now: Date.now })];
  const linger = createLinger({ db, spool, objects, cameraIds, quarantine, lingerMs: 0, log, now: Date.now });
  expect(await linger.sweep(0)).toEqual({ removed: 2, putAgain: 0 });
  expect(await spool.lingeringFiles()).toEqual([]);
  const [rotten, reason = ''] = (await readdir(path.join(dir, 'quarantine', camera.id))).toSorted();
  expect(rotten).toContain(`${t0}-`);
  expect(reason).toContain('reason');
});

test('what lingers of a camera that the catalogue does not have stays for a day, and then goes to quarantine', async () => {
  const { pool: db } = database;
  const dir = await mkdtemp(path.join(tmpdir(), 'framekeep-linger-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const spool = await openSpool({ dir, maxBytes: 10_000_000 });
  const cameraId = randomUUID();
  const folder = path.join(dir, 'linger', cameraId);
  await mkdir(folder, { recursive: true });
  const files = ['a', 'b'].map((hex, i) =>
    lingeringFileName({ startMs: t0 + i * 60_000, durationMs: 60_000, epoch: 1, anchor: false }, hex.repeat(64)),
  );
  for (const file of files) await writeFile(path.join(folder, file), file);
  const clock = { nowMs: Date.now() + 3_600_000 };
  const deps = { db, spool, objects: await createTestBucket(), cameraIds: createCameraIds(db), lingerMs: 0, log };
  const linger = createLinger({
    ...deps,
    quarantine: createQuarantine({ spoolDir: dir, now: Date.now }),
    now: () => clock.nowMs,
  });
  expect(await linger.sweep(0)).toEqual({ removed: 0, putAgain: 0 });
  expect(await readdir(folder)).toEqual(files);
  clock.nowMs += 86_400_000;
  expect(await linger.sweep(0)).toEqual({ removed: 2, putAgain: 0 });
  expect(await readdir(folder)).toEqual([]);
  expect(await readdir(path.join(dir, 'quarantine', cameraId))).toHaveLength(4);
});

test('a store that refuses everything is not asked for each file', async () => {
  const { pool: db } = database;
  const dir = await mkdtemp(path.join(tmpdir(), 'framekeep-linger-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const spool = await openSpool({ dir, maxBytes: 10_000_000 });
  const camera = await makeCamera(db, { createdAtMs: t0 });
  for (let i = 0; i < 50; i += 1) {
    const { segment } = footageOf(camera, { startMs: t0 + i * 60_000 });
    await writeFile(path.join(await spool.openRun(camera.id, 'run'), '0.mp4'), 'x');
    const { startMs, durationMs, epoch, anchor } = segment;
    const name = { startMs, durationMs, epoch, anchor };
    await spool.close({ cameraId: camera.id, run: 'run', name: '0.mp4' }, segmentFileName(name));
    await spool.linger(camera.id, segmentFileName(name), lingeringFileName(name, segment.sha256));
  }
  let asked = 0;
  const stat = (): Promise<never> => {
    asked += 1;
    return Promise.reject(new Error('503: SlowDown'));
  };
  const objects = { ...(await createTestBucket()), stat };
  const [cameraIds, quarantine] = [createCameraIds(db), createQuarantine({ spoolDir: dir, now: Date.now })];
  const linger = createLinger({ db, spool, objects, cameraIds, quarantine, lingerMs: 0, log, now: Date.now });
  expect(await linger.sweep(0)).toEqual({ removed: 0, putAgain: 0 });
  expect(asked).toBe(20);
});

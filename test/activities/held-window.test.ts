import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { finishWindow, type FinishDeps, type FinishResult } from '../../activities/finish-window.ts';
import { takeReady, type FedWindow } from '../../db/finish-feed.ts';
import { giveBack, heldBy, noteHeld, pendingBetween } from '../../db/held-windows.ts';
import { holesBetween } from '../../db/holes.ts';
import { cutFile } from '../../media/mp4-cut.ts';
import { readIndex } from '../../media/mp4-index.ts';
import { ffmpeg, record, recordMade, run } from '../media/footage.ts';
import { createFinishSite, t0, type FinishSite, type SiteCamera } from './finish-site.ts';
import { holdFootage } from './held-footage.ts';

const windowMs = 12_000;
const hostId = randomUUID();
const nowMs = t0 + 3_600_000;
let site: FinishSite;
let footage: string[];
let spoolDir: string;

beforeAll(async () => {
  site = await createFinishSite();
  spoolDir = join(site.dir, 'spool');
  footage = await recordMade(site.dir, 'main', { seconds: 12, fps: 25, gop: 50 });
  await site.profile('small', { mode: 'encode', height: 90, fps: 5, bitrateKbps: 100, durable: 'final' });
  await site.profile('kept', { mode: 'copy', durable: 'final' });
});
afterAll(() => site.close());

/** Three files of 4 s. */
const hold = (camera: SiteCamera, isClosed = true): Promise<void> =>
  holdFootage({ db: site.deps.db, spoolDir, hostId, files: footage, windowMs }, camera, isClosed);

async function feed(camera: SiteCamera): Promise<FedWindow | undefined> {
  const fed = await takeReady(site.deps.db, { queue: 'spool', spoolHostId: hostId, nowMs, cheap: true, limit: 100 });
  return fed.find(({ cameraId }) => cameraId === camera.id);
}

function finish(window: FedWindow | undefined, changes: Partial<FinishDeps> = {}): Promise<FinishResult> {
  if (window === undefined) throw new Error('nothing was fed');
  return finishWindow({ ...site.deps, spoolDir, ...changes }, { ...window, queue: 'spool' });
}

async function variants(camera: SiteCamera): Promise<[number, number, boolean][]> {
  return (await site.rows(camera)).map((row) => [row.startMs - t0, row.durationMs, row.variant > 0]);
}

test.each(['small', 'kept'])('held under profile %s: one final is stored, nothing else', async (profile) => {
  const camera = await site.addCamera(profile);
  await hold(camera, false);
  expect(await feed(camera)).toBeUndefined(); // more is to come
  await hold(camera);
  expect(await pendingBetween(site.deps.db, camera.id, t0, t0 + 60_000)).toEqual([{ startMs: t0, endMs: t0 + 12_000 }]);
  // For no other queue and no other host.
  for (const other of [
    { queue: 'encode' },
    { queue: 'join' },
    { queue: 'spool', spoolHostId: randomUUID() },
  ] as const) {
    expect(await takeReady(site.deps.db, { nowMs, cheap: true, limit: 100, ...other })).toEqual([]);
  }
  expect(await finish(await feed(camera))).toMatchObject({ outcome: 'finished', finals: 1, fetchedBytes: 0 });
  expect(await variants(camera)).toEqual([[0, 12_000, true]]);
  const keys: string[] = [];
  for await (const { key } of site.objects.list(`${camera.tenantId}/${camera.id}/`)) keys.push(key);
  const rows = await site.rows(camera);
  expect(keys).toEqual(rows.map((row) => site.keyOf(camera, row)));
  expect(await pendingBetween(site.deps.db, camera.id, t0, t0 + 60_000)).toEqual([]);
  expect((await heldBy(site.deps.db, hostId)).size).toBe(0);
});

test('where held files have no pictures, their final has none, though it is encoded at a fixed rate', async () => {
  const camera = await site.addCamera('small');
  const dir = join(site.dir, 'paused');
  await mkdir(dir);
  const source = join(dir, 'source.mkv');
  const paused = ['-vf', "select='lt(t,4.5)+gte(t,7)'", '-fps_mode', 'passthrough'];
  const encoder = [
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-bf',
    '0',
    '-force_key_frames',
    'expr:gte(t,n_forced*2)',
  ];
  await run(ffmpeg, ['-v', 'error', '-i', join(site.dir, 'main', 'source.mkv'), ...paused, ...encoder, source]);
  await holdFootage({ db: site.deps.db, spoolDir, hostId, files: await record(source, { dir }), windowMs }, camera);
  expect(await finish(await feed(camera))).toMatchObject({ outcome: 'finished', finals: 1 });
  expect(await variants(camera)).toEqual([[0, 12_000, true]]);
  const holes = await holesBetween(site.deps.db, camera.id, t0, t0 + 12_000, { nowMs });
  expect(holes).toEqual([{ startMs: t0 + 4520, endMs: t0 + 7000 }]);
});

test('a recorder that stores the sources meanwhile wins: the window is given back and finished the ordinary way', async () => {
  const camera = await site.addCamera('small');
  await hold(camera);
  const failpoint = async (name: string): Promise<void> => {
    if (name === 'stored') await site.commit(camera, footage.slice(0, 1), { startMs: t0, windowMs });
  };
  expect(await finish(await feed(camera), { failpoint })).toMatchObject({ outcome: 'stale', finals: 0 });
  expect((await heldBy(site.deps.db, hostId)).size).toBe(0);
  await site.commit(camera, footage.slice(1), { startMs: t0 + 4000, windowMs, anchor: false });
  expect((await site.finishAll()).map(({ finals }) => finals)).toEqual([1]);
  expect(await variants(camera)).toEqual([[0, 12_000, true]]);
});

test.each([
  ['is cut off', async (path: string) => truncate(path, Math.floor((await stat(path)).size * 0.6))],
  [
    'has lost its last fragments',
    async (path: string) => {
      await cutFile(path, await readIndex(path), { from: 0, to: 1 }, path);
    },
  ],
  ['has lost its beginning', (path: string) => writeFile(path, Buffer.alloc(100_000))],
])('a held file that %s is made nothing of: its window is given back', async (_what, tear) => {
  const camera = await site.addCamera('small');
  await hold(camera);
  const folder = join(spoolDir, 'closed', camera.id);
  await tear(join(folder, (await readdir(folder)).toSorted()[1] ?? ''));
  expect(await finish(await feed(camera))).toMatchObject({ outcome: 'stale', finals: 0 });
  expect(await variants(camera)).toEqual([]);
  expect((await heldBy(site.deps.db, hostId)).size).toBe(0);
});

test('a window whose footage is stored already is not taken for held', async () => {
  const camera = await site.addCamera('small');
  await site.commit(camera, footage.slice(0, 1), { startMs: t0, windowMs });
  const window = { cameraId: camera.id, windowStartMs: t0, windowMs, fromMs: t0 + 4000, toMs: t0 + 8000 };
  expect(await noteHeld(site.deps.db, hostId, { ...window, isClosed: false })).toBe(false);
});

test('held time is no hole, though newer footage is stored; given back and gone, it is one', async () => {
  const camera = await site.addCamera('small');
  await hold(camera);
  await site.commit(camera, footage, { startMs: t0 + 12_000, windowMs });
  const holes = () => holesBetween(site.deps.db, camera.id, t0, t0 + 24_000, { nowMs });
  expect(await holes()).toEqual([]);
  await giveBack(site.deps.db, { cameraId: camera.id, windowStartMs: t0 }, hostId);
  expect(await holes()).toEqual([{ startMs: t0, endMs: t0 + 12_000 }]);
  await rm(join(spoolDir, 'closed', camera.id), { recursive: true });
});

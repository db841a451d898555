import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { falseClaims } from '../../scripts/bench/chaos-claims.ts';
import { setCameraState } from '../../db/cameras.ts';
import { closeGap, openGap } from '../../db/gaps.ts';
import { pausesIn } from '../../domain/pauses.ts';
import { readIndex } from '../../media/mp4-index.ts';
import { hashFile } from '../../recorder/commit.ts';
import { createObjects } from '../../storage/objects.ts';
import { createFinishSite, t0, type FinishSite, type SiteCamera } from '../activities/finish-site.ts';
import { ffmpeg, record, run } from '../media/footage.ts';
import { counterFilter } from '../support/camera/loop-arguments.ts';
import { checkArchive, sound, type CheckReport } from '../support/checker.ts';
import type { ExplainedGap } from '../support/missing-pictures.ts';
import { claimsOverFootage, notRecording } from '../support/claim-checker.ts';
import { createTestDatabase } from '../support/database.ts';
import { testS3 } from '../support/objects.ts';

const fps = 15;
const frames = 240;
const clean = { ...sound, unexplainedMs: 0, missing: [] };

let site: FinishSite;
let s3: Awaited<ReturnType<typeof testS3>>;
let files: string[];

beforeAll(async () => {
  s3 = await testS3();
  const objects = createObjects(s3);
  await objects.ensureBucket();
  site = await createFinishSite({ database: await createTestDatabase(), objects });
  const dir = join(site.dir, 'counted');
  await mkdir(dir);
  const source = join(dir, 'source.mkv');
  const picture = `testsrc2=size=320x180:rate=${fps},format=yuv420p,${counterFilter()}`;
  const encoder = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', String(fps), '-sc_threshold', '0', '-bf', '0'];
  await run(ffmpeg, ['-v', 'error', '-f', 'lavfi', '-i', picture, '-frames:v', String(frames), ...encoder, source]);
  files = await record(source, { dir });
  expect(files.length).toBe(4);
});
afterAll(async () => site?.close());

/** A camera whose footage is whole, and everything that the checker says of it and of the bucket. */
async function archived(paths: readonly string[] = files): Promise<{
  camera: SiteCamera;
  keys: string[];
  check: (gaps?: ExplainedGap[]) => Promise<CheckReport>;
}> {
  const camera = await site.addCamera();
  const segments = await site.commit(camera, paths, { startMs: t0, windowMs: 600_000 });
  const shown = { cameraId: camera.id, atMs: t0, index: 0, loopFrames: frames, fps };
  const { pool } = site.database;
  return {
    camera,
    keys: segments.map((segment) => site.keyOf(camera, segment)),
    check: (gaps = []) => checkArchive({ pool, s3, cameras: [shown], gapsOf: async () => gaps }),
  };
}

async function store(key: string, path: string): Promise<void> {
  const { bytes, sha256 } = await hashFile(path);
  await site.objects.put(key, path, bytes, sha256);
}

const changeRow = (camera: SiteCamera, change: string, startMs: number): Promise<unknown> =>
  site.database.pool.query(
    `update segment set ${change} where camera_id = $1 and start_at = to_timestamp($2 / 1000.0)`,
    [camera.internalId, startMs],
  );

test('footage that is whole is found whole', async () => {
  const { check } = await archived();
  expect(await check()).toMatchObject({ ...clean, objects: 4 });
});

test('a deleted object is a row without its object, and its pictures are missing without a reason', async () => {
  const { keys, check } = await archived();
  await site.objects.remove([keys[1] ?? '']);
  const report = await check();
  expect(report.wrongObjects).toEqual([keys[1]]);
  expect(report.missing.map(({ startMs, endMs }) => Math.round(endMs - startMs))).toEqual([4000]);
  expect(Math.round(report.unexplainedMs)).toBe(4000);
  // A gap with a reason explains them, one without a reason does not.
  const gap = { startMs: t0 + 4000, endMs: t0 + 8000 };
  expect((await check([{ ...gap, reason: 'missing' }])).unexplainedMs).toBe(0);
  expect(Math.round((await check([{ ...gap, reason: 'unknown' }])).unexplainedMs)).toBe(4000);
  expect(Math.round((await check([{ ...gap, endMs: t0 + 5000, reason: 'missing' }])).unexplainedMs)).toBe(2000);
});

test('pictures that are missing within a row are explained by a gap there', async () => {
  const dir = join(site.dir, 'paused');
  await mkdir(dir);
  const source = join(dir, 'source.mkv');
  // 3 s after a key, and 4 s before the next one.
  const paused = ['-vf', "select='lt(t,5)+gte(t,9)'", '-fps_mode', 'passthrough'];
  const encoder = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '30', '-sc_threshold', '0', '-bf', '0'];
  await run(ffmpeg, ['-v', 'error', '-i', join(site.dir, 'counted', 'source.mkv'), ...paused, ...encoder, source]);
  const paths = await record(source, { dir });
  const { check } = await archived(paths);
  // The product reads the same of the file that begins 4 s in.
  const within = pausesIn(await readIndex(paths[1] ?? ''), { startMs: t0 + 4000, durationMs: 6000 });
  expect(within).toEqual([{ startMs: t0 + 5000, endMs: t0 + 9000 }]);
  expect(Math.round((await check()).unexplainedMs)).toBe(4000);
  const gap = { startMs: t0 + 5000, endMs: t0 + 9000, reason: 'stalled' };
  expect(await check([gap])).toMatchObject({ ...sound, unexplainedMs: 0, missing: [{ reasons: ['stalled'] }] });
  expect(Math.round((await check([{ ...gap, endMs: t0 + 7000 }])).unexplainedMs)).toBe(1000);
});

test('one flipped byte is a wrong object', async () => {
  const { keys, check } = await archived();
  const [key = ''] = keys;
  const bytes = await readFile(files[0] ?? '');
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  const path = join(site.dir, 'flipped.mp4');
  await writeFile(path, bytes);
  await site.objects.remove([key]); // what is there already would not be stored again
  await store(key, path);
  expect((await check()).wrongObjects).toEqual([key]);
});

test('a row that lasts into the next one is an overlap', async () => {
  const { camera, check } = await archived();
  await changeRow(camera, 'duration_ms = duration_ms + 100', t0);
  expect((await check()).overlaps).toBe(1);
});

test('footage that is there twice is double', async () => {
  const { keys, check } = await archived([...files, files[3] ?? '']);
  const report = await check();
  expect(report.doubleFrames).toBe(60);
  expect([...report.doubles]).toEqual([[`${keys[3]} ${keys[4]}`, 60]]);
});

test('rows that have changed places are in disorder, though each picture is there once', async () => {
  const { camera, keys, check } = await archived();
  const [early, late, aside] = [t0 + 4000, t0 + 8000, t0 + 60_000];
  const startAt = (ms: number): string => `start_at = to_timestamp(${ms / 1000})`;
  await changeRow(camera, startAt(aside), early);
  await changeRow(camera, startAt(early), late);
  await changeRow(camera, startAt(late), aside);
  // A row's time is in its object's key.
  const [second = '', third = ''] = keys.slice(1);
  const swapped = [third.replace(`${late}-`, `${early}-`), second.replace(`${early}-`, `${late}-`)] as const;
  await store(swapped[0], files[2] ?? '');
  await store(swapped[1], files[1] ?? '');
  expect(await check()).toMatchObject({ ...clean, disordered: 1, disorders: new Map([[swapped.join(' '), 1]]) });
});

test('an object that nobody knows is an orphan', async () => {
  const { camera, check } = await archived();
  const path = join(site.dir, 'orphan.mp4');
  await writeFile(path, randomBytes(1000));
  const key = `${camera.tenantId}/${camera.id}/orphan.mp4`;
  await store(key, path);
  expect((await check()).orphans).toContain(key);
});

test('a claim over footage is false, unless a fault that can cause its reason was near and not long ago', async () => {
  const { camera } = await archived(); // 16 s from t0 on
  const { pool } = site.database;
  const open = (reason: 'unreachable' | 'closed', startMs: number): Promise<void> =>
    openGap(pool, camera.id, { startMs, reason, evidence: {} });
  await closeGap(pool, camera.id, t0); // the claim of every new camera
  await open('closed', t0 + 2000);
  await closeGap(pool, camera.id, t0 + 5000); // as long as a start may be wrong
  await open('unreachable', t0 + 6000);
  const found = await claimsOverFootage(pool, [camera.id]);
  expect(found).toMatchObject([
    { reason: 'closed', covered: [{ startMs: t0 + 2000, endMs: t0 + 5000 }] },
    { reason: 'unreachable', startMs: t0 + 6000, endMs: Infinity },
  ]);
  const reasons = (kind: 'camera-off' | 's3-hold', endMs: number): string[] =>
    falseClaims(found, [{ kind, startMs: endMs - 1000, endMs }]).map(({ reason }) => reason);
  expect(falseClaims(found, []).map(({ reason }) => reason)).toEqual(['unreachable']);
  expect(reasons('s3-hold', t0 + 6000)).toEqual(['unreachable']);
  expect(reasons('camera-off', t0 + 6000)).toEqual([]);
  expect(reasons('camera-off', t0 - 53_000)).toEqual(['unreachable']); // 7 s are excused, 10 s lie over footage
  expect(reasons('camera-off', t0 - 120_000)).toEqual(['unreachable']);
});

test('a camera that records and reads as failing, or has a claim that is open, is named', async () => {
  const { camera } = await archived();
  const { pool } = site.database;
  const told = async (): Promise<string[]> => (await notRecording(pool)).filter((line) => line.startsWith(camera.id));
  await closeGap(pool, camera.id, t0);
  expect(await told()).toHaveLength(1); // it is about to connect
  await setCameraState(pool, camera.id, 'recording', null, t0);
  expect(await told()).toEqual([]);
  await openGap(pool, camera.id, { startMs: t0, reason: 'unreachable', evidence: {} });
  expect((await told())[0]).toContain('unreachable');
});

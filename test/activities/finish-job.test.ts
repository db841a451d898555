import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FinishJobDeps } from '../../activities/finish-job.ts';
import type { FedWindow } from '../../db/finish-feed.ts';
import { retryParked } from '../../db/finish-windows.ts';
import { listWindows } from '../../db/window-list.ts';
import { createPool } from '../../db/sql.ts';
import { EncodeError } from '../../media/encode-errors.ts';
import { createObjects } from '../../storage/objects.ts';
import { recordMade } from '../media/footage.ts';
import { createFinishSite, t0, type FinishSite, type SiteCamera } from './finish-site.ts';
import { feedWindow, finishActivities, runFinishJob } from './run-finish-job.ts';

const windowMs = 8000;
const hourMs = 3_600_000;
let site: FinishSite;
let footage: string[];

beforeAll(async () => {
  site = await createFinishSite();
  footage = await recordMade(site.dir, 'main', { seconds: 8, fps: 25, gop: 50 });
  await site.profile('small', { mode: 'encode', height: 90, fps: 5, bitrateKbps: 100 });
});
afterAll(() => site.close());

async function cameraWithFootage(): Promise<SiteCamera> {
  const camera = await site.addCamera('small');
  await site.commit(camera, footage, { startMs: t0, windowMs });
  return camera;
}

const feed = (camera: SiteCamera, atMs: number) => feedWindow(site, camera, atMs);
const run = (window: FedWindow, changes?: Partial<FinishJobDeps>) =>
  runFinishJob(finishActivities(site, changes), window);

const failing = (error: EncodeError) => ({
  encode() {
    throw error;
  },
});

test('a window that fails the same way everywhere is parked with its error, plays as it was, and can be retried', async () => {
  const camera = await cameraWithFootage();
  let atMs = t0 + hourMs;
  for (const attempt of [1, 2, 3]) {
    const window = await feed(camera, atMs);
    if (window === undefined) throw new Error(`not fed for attempt ${attempt}`);
    const error = new EncodeError('bad-result', 'it has 3 frames, 40 fill rtsp://user:secret@camera/');
    const told = await run(window, { ...failing(error), now: () => atMs });
    expect(told).toMatchObject({ nonRetryable: true, type: 'bad-result' });
    expect(told?.message).not.toContain('secret');
    expect(await feed(camera, atMs + 10_000)).toBeUndefined(); // it waits, or is parked
    atMs += 10 * 60_000;
  }
  expect(await feed(camera, atMs + hourMs)).toBeUndefined();
  const parked = await listWindows(site.deps.db, { state: 'parked', cameraId: camera.id, limit: 10 });
  expect(parked.map(({ failures }) => failures.map(({ host, failure }) => [host, failure]))).toEqual([
    [
      ['host-a', 'bad-result'],
      ['host-a', 'bad-result'],
      ['host-a', 'bad-result'],
    ],
  ]);
  expect((await site.rows(camera)).map(({ variant }) => variant)).toEqual([0, 0]);

  expect(await retryParked(site.deps.db, camera.id, t0)).toBe(true);
  const window = await feed(camera, atMs);
  expect(window).toMatchObject({ generation: 2 });
  if (window !== undefined) expect(await run(window)).toBeNull();
  expect((await site.rows(camera)).length).toBe(1);
});

test('a full encoder is no fault of the footage: back to the queue, after the time it says', async () => {
  const camera = await cameraWithFootage();
  const window = await feed(camera, t0 + hourMs);
  if (window === undefined) throw new Error('not fed');
  const full = new EncodeError('session-limit', 'OpenEncodeSessionEx failed: incompatible client key (21)', {
    retryAfterMs: 7000,
  });
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const told = await run(window, failing(full));
    expect(told).toMatchObject({ type: 'session-limit', nextRetryDelay: 7000 });
    expect(told?.nonRetryable).not.toBe(true);
  }
  expect(await run(window)).toBeNull();
  expect((await site.rows(camera)).map(({ durationMs }) => durationMs)).toEqual([8000]);
});

test('an object store that is away is retried by Temporal, and leaves the window as it was', async () => {
  const camera = await cameraWithFootage();
  const window = await feed(camera, t0 + hourMs);
  if (window === undefined) throw new Error('not fed');
  const nobody = createObjects({
    endpoint: 'http://127.0.0.1:1',
    accessKey: 'nobody',
    secretKey: 'nothing-at-all',
    bucket: 'none',
    region: 'us-east-1',
  });
  const told = await run(window, { objects: nobody });
  expect(told).toMatchObject({ type: 'unavailable' });
  expect(told?.nonRetryable).not.toBe(true);
  expect(await listWindows(site.deps.db, { state: 'started', cameraId: camera.id, limit: 10 })).toMatchObject([
    { failures: [] },
  ]);
  expect(await run(window)).toBeNull();
});

/** This process's ffmpeg that encodes, once there is one. */
async function encodingPid(): Promise<number> {
  for (;;) {
    for (const name of readdirSync('/proc').filter((one) => /^\d+$/.test(one))) {
      const read = (file: string): string => {
        try {
          return readFileSync(`/proc/${name}/${file}`, 'utf8');
        } catch {
          return ''; // it has ended while we looked
        }
      };
      const isOurs = new RegExp(`^PPid:\\s+${process.pid}$`, 'm').test(read('status'));
      if (isOurs && read('cmdline').includes('final-')) return Number(name);
    }
    await sleep(5);
  }
}

test('ffmpeg killed in the midst of its work leaves the sources, and the window is fed again after a while', async () => {
  const long = await recordMade(site.dir, 'long', { seconds: 30, fps: 25, gop: 50, size: '1280x720' });
  const camera = await site.addCamera('small');
  await site.commit(camera, long, { startMs: t0, windowMs: 30_000 });
  const window = await feed(camera, t0 + hourMs);
  if (window === undefined) throw new Error('not fed');
  const [told] = await Promise.all([run(window), encodingPid().then((pid) => process.kill(pid, 'SIGKILL'))]);
  // It counts: footage that crashes ffmpeg, or its memory, does so everywhere.
  expect(told).toMatchObject({ type: 'killed', nonRetryable: true });
  expect((await site.rows(camera)).length).toBe(long.length);
  const again = await feed(camera, Date.now() + 31_000);
  expect(again).toEqual(window);
  expect(await run(window)).toBeNull();
  expect((await site.rows(camera)).length).toBe(1);
});

test('a catalogue that is away is retried by Temporal', async () => {
  const camera = await cameraWithFootage();
  const window = await feed(camera, t0 + hourMs);
  if (window === undefined) throw new Error('not fed');
  const nobody = createPool('postgres://nobody@127.0.0.1:1/none', { max: 1, applicationName: 'test' });
  const told = await run(window, { db: nobody });
  await nobody.end();
  expect(told).toMatchObject({ type: 'unavailable' });
  expect(await run(window)).toBeNull();
});

test('a worker that stops gives its job up at once', async () => {
  const camera = await cameraWithFootage();
  const window = await feed(camera, t0 + hourMs);
  if (window === undefined) throw new Error('not fed');
  const stopping = new AbortController();
  const told = await run(window, {
    stopping: stopping.signal,
    failpoint: (name) => {
      if (name === 'fetched') stopping.abort();
    },
  });
  expect(told?.nonRetryable).not.toBe(true);
  expect((await site.rows(camera)).length).toBe(2);
  expect(await run(window)).toBeNull();
});

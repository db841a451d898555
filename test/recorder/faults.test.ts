import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { GapReason } from '../../domain/gap-reason.ts';
import type { Recorder } from '../../recorder/recorder.ts';
import { readRunRecord } from '../../recorder/run-record.ts';
import { startCamera, type Fault, type SimulatedCamera } from '../support/camera/start-camera.ts';
import { waitFor } from '../support/system.ts';
import { createSite, type Site } from './host.ts';

let site: Site;
let recorder: Recorder;
beforeAll(async () => {
  site = await createSite();
  recorder = await site.start('a');
});
afterAll(() => site.close());

/** At the connect: the camera never gives footage until it is mended. */
const atConnect: Record<string, { fault: Fault; reason: GapReason; state: string }> = {
  '/401': { fault: { status: { DESCRIBE: 401 } }, reason: 'auth', state: 'attention' },
  '/403': { fault: { status: { DESCRIBE: 403 } }, reason: 'auth', state: 'attention' },
  '/404': { fault: { status: { DESCRIBE: 404 } }, reason: 'not-found', state: 'attention' },
  '/453': { fault: { status: { DESCRIBE: 453 } }, reason: 'camera-busy', state: 'reconnecting' },
  '/461': { fault: { status: { SETUP: 461 } }, reason: 'bad-stream', state: 'reconnecting' },
  '/503': { fault: { status: { DESCRIBE: 503 } }, reason: 'bad-stream', state: 'reconnecting' },
  '/302': { fault: { redirectTo: 'rtsp://127.0.0.1:1/x' }, reason: 'bad-stream', state: 'reconnecting' },
  '/garbage': { fault: { answer: 'garbage' }, reason: 'bad-stream', state: 'reconnecting' },
  '/http': { fault: { answer: 'http' }, reason: 'bad-stream', state: 'reconnecting' },
  '/closing': { fault: { closeAt: 'request' }, reason: 'closed', state: 'reconnecting' },
  '/silent': { fault: { silent: true }, reason: 'no-media', state: 'reconnecting' },
  '/no-media': { fault: { noMedia: true }, reason: 'no-media', state: 'reconnecting' },
};

/** After some seconds of footage; mended for the next connection. */
const midStream: Record<string, { fault: Fault; reason: GapReason }> = {
  '/eof': { fault: { endAfterMs: 4000, endBy: 'eof' }, reason: 'closed' },
  '/rst': { fault: { endAfterMs: 4000, endBy: 'rst' }, reason: 'closed' },
  '/stall': { fault: { stallAfterMs: 4000 }, reason: 'stalled' },
};

async function record(camera: SimulatedCamera, path: string): Promise<string> {
  const cameraId = await site.addCamera(camera.url(path));
  await recorder.ensure(cameraId, null);
  return cameraId;
}

test.concurrent('what is wrong at the connect is named, and footage comes once it is mended', async () => {
  const faults = Object.fromEntries(Object.entries(atConnect).map(([path, { fault }]) => [path, fault]));
  const camera = await startCamera({ faults });
  await Promise.all(
    Object.entries(atConnect).map(async ([path, { reason, state }]) => {
      const cameraId = await record(camera, path);
      await waitFor(`${path}: gap ${reason}`, async () => (await site.gaps(cameraId))[0]?.reason === reason);
      await waitFor(`${path}: ${state}`, async () => (await site.state(cameraId)).status === state);
      expect((await site.state(cameraId)).status_reason, path).toBe(reason);
      const [open] = await site.gaps(cameraId);
      expect(open?.endMs, path).toBeNull();
      expect(open?.evidence.lastError, path).toBeTruthy();

      camera.setFault(null, path);
      await waitFor(`${path}: footage`, async () => (await site.segments(cameraId)).length > 0);
      const gaps = await site.gaps(cameraId);
      expect(
        gaps.map((gap) => gap.reason),
        path,
      ).toEqual([reason]);
      expect(gaps[0]?.endMs, path).toBe((await site.segments(cameraId))[0]?.startMs);
      await recorder.get(cameraId)?.stop('unwanted');
    }),
  );
  await camera.close();
});

test.concurrent('what ends a stream is named, the gap is the time without footage, and recording comes back', async () => {
  const faults = Object.fromEntries(Object.entries(midStream).map(([path, { fault }]) => [path, fault]));
  const camera = await startCamera({ faults });
  await Promise.all(
    Object.entries(midStream).map(async ([path, { reason }]) => {
      const cameraId = await record(camera, path);
      const named = await waitFor(`${path}: gap ${reason}`, async () =>
        (await site.gaps(cameraId)).find((gap) => gap.reason === reason),
      );
      camera.setFault(null, path);
      await waitFor(`${path}: more`, async () =>
        (await site.segments(cameraId)).some((row) => row.startMs > named.startMs + 100),
      );
      const rows = await site.segments(cameraId);
      const next = rows.find((row) => row.startMs >= named.startMs + 100);
      const gap = (await site.gaps(cameraId)).find((other) => other.startMs === named.startMs);
      expect(next?.anchor, path).toBe(true);
      expect(gap, path).toMatchObject({ reason, endMs: next?.startMs });
      expect(
        rows.some((row) => row.endMs === gap?.startMs),
        path,
      ).toBe(true);
      await recorder.get(cameraId)?.stop('unwanted');
    }),
  );
  await camera.close();
});

test.concurrent("an ffmpeg that is killed is our fault, not the camera's", async () => {
  const camera = await startCamera();
  const cameraId = await record(camera, '/stream');
  await waitFor('footage', async () => (await site.segments(cameraId)).length > 0);
  const folder = join(site.dir, 'a', 'open', cameraId);
  const [run] = await readdir(folder);
  process.kill((await readRunRecord(join(folder, run ?? '')))?.pid ?? NaN, 'SIGKILL');
  const gap = await waitFor('its gap', async () =>
    (await site.gaps(cameraId)).find(({ reason }) => reason !== 'operator'),
  );
  expect(gap).toMatchObject({
    reason: 'host-lost',
    owner: 'service',
    evidence: { lastError: expect.stringContaining('SIGKILL') },
  });
  await waitFor('footage after it', async () =>
    (await site.segments(cameraId)).some(({ startMs }) => startMs > gap.startMs),
  );
  await recorder.get(cameraId)?.stop('unwanted');
  await camera.close();
});

test.concurrent('a camera that pauses on an open connection leaves a gap in the midst of its footage', async () => {
  const camera = await startCamera();
  const cameraId = await record(camera, '/stream');
  const first = await waitFor('footage', async () => (await site.segments(cameraId))[0]);
  const accepted = camera.accepted();
  camera.stall();
  await new Promise((resolve) => setTimeout(resolve, 4000));
  camera.resume();
  const gap = await waitFor('a gap', async () =>
    (await site.gaps(cameraId)).find(({ reason }) => reason === 'stalled'),
  );
  const sent = camera.framesSent();
  const steps = sent.slice(1).map((frame, i) => (frame.timestamp - (sent[i]?.timestamp ?? 0)) / 90);
  const lostMs = Math.max(...steps) - 1000 / camera.loop().fps;
  expect(lostMs).toBeGreaterThan(3000);
  expect(Math.abs((gap.endMs ?? 0) - gap.startMs - lostMs)).toBeLessThan(50); // 20 ms a file of slew
  expect(gap).toMatchObject({ owner: 'camera', evidence: { epoch: first.epoch } });
  expect(camera.accepted()).toBe(accepted);
  await recorder.get(cameraId)?.stop('unwanted');
  await camera.close();
});

test('a camera that is off is refused until it is on', async () => {
  const camera = await startCamera();
  const cameraId = await record(camera, '/stream');
  await waitFor('footage', async () => (await site.segments(cameraId)).length > 0);
  camera.refuse();
  camera.dropAll('rst');
  await waitFor('refused', async () => (await site.state(cameraId)).status_reason === 'refused');
  await new Promise((resolve) => setTimeout(resolve, 2000));
  await camera.listen();
  await waitFor('recording', async () => (await site.state(cameraId)).status === 'recording');
  const before = (await site.segments(cameraId)).length;
  await waitFor('more footage', async () => (await site.segments(cameraId)).length > before + 1);
  const gap = (await site.gaps(cameraId)).at(-1);
  expect(gap?.reason).toBe('refused');
  expect(gap?.evidence.history?.map((spell) => spell.reason)).toEqual(['closed', 'refused']);
  await camera.close();
});

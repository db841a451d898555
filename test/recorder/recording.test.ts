import { afterEach, beforeEach, expect, test } from 'vitest';
import { startCamera, type SimulatedCamera } from '../support/camera/start-camera.ts';
import { followFrames, readFrameCounters } from '../support/frame-counter.ts';
import { waitFor } from '../support/system.ts';
import { createSite, type Site } from './host.ts';

let site: Site;
let camera: SimulatedCamera;

beforeEach(async () => {
  site = await createSite();
});
afterEach(async () => {
  await site.close();
  await camera.close();
});

test('a camera is recorded, committed with every frame, and stopped with its last segment', async () => {
  camera = await startCamera();
  const cameraId = await site.addCamera(camera.url());
  const recorder = await site.start('a');
  const recording = await recorder.ensure(cameraId, null);
  await waitFor('three segments', async () => (await site.segments(cameraId)).length >= 3);
  expect(recording.progress().state).toBe('recording');
  expect((await site.state(cameraId)).status).toBe('recording');

  await recording.stop('unwanted');
  await waitFor('the backlog', async () => recorder.stats().backlog.files === 0);
  const rows = await site.segments(cameraId);
  expect(rows.map((row) => row.anchor)).toEqual(rows.map((_, i) => i === 0));
  rows.slice(1).forEach((row, i) => expect(row.startMs).toBe(rows[i]?.endMs));
  expect(rows.at(-1)?.endMs).toBe(recording.progress().lastSegmentEndMs);
  expect(Math.abs((rows.at(-1)?.endMs ?? 0) - Date.now())).toBeLessThan(3000);

  const counters = await readFrameCounters(await site.download(cameraId));
  const report = followFrames(counters, camera.loop().frames);
  expect(report).toMatchObject({ missing: [], duplicated: [], reordered: [] });
  const recordedBy = Math.max(...camera.framesSent().map((frame) => frame.client));
  expect(counters.length).toBe(camera.framesSent().filter((frame) => frame.client === recordedBy).length);
});

import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startCamera, type SimulatedCamera } from '../support/camera/start-camera.ts';
import { followFrames, readFrameCounters } from '../support/frame-counter.ts';
import { waitFor } from '../support/system.ts';
import { createSite, type Site } from './host.ts';

let site: Site;
let camera: SimulatedCamera;
beforeAll(async () => {
  site = await createSite();
  camera = await startCamera();
});
afterAll(async () => {
  await site.close();
  await camera.close();
});

test('files that could not be closed for a passing cause are closed and committed without a restart', async () => {
  const failed = new Set<string>();
  let closedUntilMs = Infinity;
  const recorder = await site.start('a', {
    failpoint(name) {
      // A file of the first run, and the first try to salvage what is left of it.
      if (!['placed', 'salvage'].includes(name) || failed.has(name)) return;
      if (recorder.stats().commits.committed === 0) return;
      if (name === 'placed') closedUntilMs = recorder.list()[0]?.progress().lastSegmentEndMs ?? Infinity;
      failed.add(name);
      throw new Error('ENOSPC: no space left on device');
    },
  });
  const cameraId = await site.addCamera(camera.url());
  const recording = await recorder.ensure(cameraId, null);
  await waitFor('both failures', async () => failed.size === 2);
  await waitFor('a new run', async () => (await site.segments(cameraId)).filter((row) => row.anchor).length === 2);
  const secondRunMs = (await site.segments(cameraId)).find((row, i) => i > 0 && row.anchor)?.startMs ?? 0;
  const rowsOfFirst = async () => (await site.segments(cameraId)).filter((row) => row.startMs < secondRunMs);
  await waitFor('only its own folder', async () => (await openRuns(cameraId)).length === 1);
  await waitFor('what failed', async () => (await rowsOfFirst()).some((row) => row.startMs === closedUntilMs));
  await recording.stop('unwanted');
  await waitFor('no backlog', async () => recorder.stats().backlog.files + recorder.stats().pendingWrites === 0);

  const rows = await rowsOfFirst();
  rows.slice(1).forEach((row, i) => expect(row.startMs).toBe(rows[i]?.endMs));
  const files = (await site.download(cameraId)).slice(0, rows.length);
  const report = followFrames(await readFrameCounters(files), camera.loop().frames);
  expect(report).toMatchObject({ missing: [], duplicated: [], reordered: [] });
  const gap = (await site.gaps(cameraId)).find(({ startMs }) => startMs === rows.at(-1)?.endMs);
  expect(gap?.reason).toBe('storage-down');
  expect(await openRuns(cameraId)).toEqual([]);
});

function openRuns(cameraId: string): Promise<string[]> {
  return readdir(path.join(site.dir, 'a', 'open', cameraId));
}

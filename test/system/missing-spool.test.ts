import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSite, type Site } from '../recorder/host.ts';
import { startCamera, type SimulatedCamera } from '../support/camera/start-camera.ts';
import { waitFor } from '../support/system.ts';

let site: Site;
let camera: SimulatedCamera;
beforeAll(async () => {
  site = await createSite();
  camera = await startCamera();
});
afterAll(async () => {
  await site?.close();
  await camera?.close();
});

/** Files below a folder that are not folders themselves. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
}

test('a spool whose disk is gone: nothing is written in its place, and recording returns with it', async () => {
  const recorder = await site.start('a');
  const cameraId = await site.addCamera(camera.url());
  await recorder.ensure(cameraId, null);
  await waitFor('segments', async () => (await site.segments(cameraId)).length >= 2);

  // What an unmounted disk leaves: the empty folder that it was mounted on.
  const spool = path.join(site.dir, 'a');
  const disk = path.join(site.dir, 'disk');
  await rename(spool, disk);
  await mkdir(spool);
  await waitFor('refused', async () => (await site.state(cameraId)).status_reason === 'storage-down');
  const lastGap = async () => (await site.gaps(cameraId)).at(-1);
  await waitFor('it says why', async () => /has lost its marker/.test((await lastGap())?.evidence.lastError ?? ''));
  expect(await lastGap()).toMatchObject({ reason: 'storage-down', endMs: null });
  const tries = (await lastGap())?.evidence.attempts ?? 0;
  const accepted = camera.accepted();
  await waitFor('more tries', async () => ((await lastGap())?.evidence.attempts ?? 0) > tries + 2);
  expect(camera.accepted()).toBe(accepted); // the camera is not asked for what could not be kept
  expect(await filesBelow(spool)).toEqual([]);

  await rm(spool, { recursive: true });
  await rename(disk, spool);
  const backMs = Date.now();
  await waitFor('footage', async () => (await site.segments(cameraId)).some((row) => row.startMs > backMs));
  expect((await site.gaps(cameraId)).map(({ reason }) => reason)).toEqual(['operator', 'storage-down']);
  const rows = await site.segments(cameraId);
  rows.slice(1).forEach((row, i) => expect(row.startMs).toBeGreaterThanOrEqual(rows[i]?.endMs ?? 0));
});

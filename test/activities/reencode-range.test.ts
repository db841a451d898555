import { afterAll, beforeAll, expect, test } from 'vitest';
import { finishWindow } from '../../activities/finish-window.ts';
import { takeReady } from '../../db/finish-feed.ts';
import type { Profile } from '../../db/profiles.ts';
import { previewReencode, reencodeById, startReencode } from '../../db/reencode-jobs.ts';
import { transaction } from '../../db/sql.ts';
import { recordMade } from '../media/footage.ts';
import { createFinishSite, t0, type FinishSite, type SiteCamera } from './finish-site.ts';

/** Bulk work goes by windows of ten minutes, of which the range asked for is a part here. */
const windowMs = 8000;
let site: FinishSite;
let footage: string[];
let smaller: Profile;

beforeAll(async () => {
  site = await createFinishSite();
  footage = await recordMade(site.dir, 'main', { seconds: 8, fps: 25, gop: 50 });
  smaller = await site.profile('smaller', { mode: 'encode', height: 90, fps: 5, bitrateKbps: 64 });
});
afterAll(() => site.close());

/** Encodes a range again. @returns how many segments the preview counts, and each segment's start and height then */
async function encodeAgain(camera: SiteCamera, fromMs: number, toMs: number) {
  const { db } = site.deps;
  const range = { cameraIds: [camera.id], profileId: smaller.id, fromMs, toMs };
  const { segments } = await previewReencode(db, range, Date.now());
  const id = await transaction(db, (tx) => startReencode(tx, range, Date.now()));
  const fed = await takeReady(db, { queue: 'encode', nowMs: t0 + 3_600_000, cheap: true, limit: 10 });
  for (const window of fed) await finishWindow(site.deps, { ...window, queue: 'encode' });
  expect(await reencodeById(db, id)).toMatchObject({ state: 'done', windows: 1 });
  return { segments, rows: (await site.rows(camera)).map(({ startMs, format }) => [startMs - t0, format.height]) };
}

async function cameraWith(finals: number): Promise<SiteCamera> {
  const camera = await site.addCamera('original');
  for (let i = 0; i < finals; i++) await site.commit(camera, footage, { startMs: t0 + i * windowMs, windowMs });
  await site.finishAll();
  expect((await site.rows(camera)).length).toBe(finals);
  return camera;
}

test('what starts outside the range asked for stays as it is, as the preview counts it', async () => {
  const camera = await cameraWith(4);
  const before = await site.rows(camera);
  // From the midst of the first to the midst of the third.
  expect(await encodeAgain(camera, t0 + 4000, t0 + 2 * windowMs + 4000)).toEqual({
    segments: 2,
    rows: [
      [0, 180],
      [windowMs, 90],
      [2 * windowMs, 90],
      [3 * windowMs, 180],
    ],
  });
  const after = await site.rows(camera);
  expect([after[0], after[3]]).toEqual([before[0], before[3]]);
});

test('what is still to be finished is no finished footage, though it lies in the range', async () => {
  const camera = await cameraWith(1);
  await site.commit(camera, footage, { startMs: t0 + windowMs, windowMs });
  expect(await encodeAgain(camera, t0, t0 + 2 * windowMs)).toEqual({
    segments: 1,
    rows: [
      [0, 90],
      [windowMs, 180],
      [windowMs + 4000, 180],
    ],
  });
});

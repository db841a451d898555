import { afterAll, beforeAll, expect, test } from 'vitest';
import { finishWindow } from '../../activities/finish-window.ts';
import { takeReady } from '../../db/finish-feed.ts';
import { previewReencode, reencodeById, startReencode } from '../../db/reencode-jobs.ts';
import { transaction } from '../../db/sql.ts';
import { t0, type SiteCamera } from './finish-site.ts';
import { createReencodeSite, type ReencodeSite } from './reencode-site.ts';

/** Bulk work goes by windows of ten minutes, of which the range asked for is a part here. */
const windowMs = 8000;
let site: ReencodeSite;

beforeAll(async () => {
  site = await createReencodeSite(windowMs);
});
afterAll(() => site.close());

/** Encodes a range again. @returns how many segments the preview counts, and each segment's start and height then */
async function encodeAgain(camera: SiteCamera, fromMs: number, toMs: number) {
  const { db } = site.deps;
  const range = { cameraIds: [camera.id], profileId: site.smaller.id, fromMs, toMs };
  const { segments } = await previewReencode(db, range, Date.now());
  const id = await transaction(db, (tx) => startReencode(tx, range, Date.now()));
  const fed = await takeReady(db, { queue: 'encode', nowMs: t0 + 3_600_000, cheap: true, limit: 10 });
  for (const window of fed) await finishWindow(site.deps, { ...window, queue: 'encode' });
  expect(await reencodeById(db, id)).toMatchObject({ state: 'done', windows: 1 });
  return { segments, rows: (await site.rows(camera)).map(({ startMs, format }) => [startMs - t0, format.height]) };
}

test('what starts outside the range asked for stays as it is, as the preview counts it', async () => {
  const camera = await site.cameraWith(4);
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
  const camera = await site.cameraWith(1);
  await site.commit(camera, site.footage, { startMs: t0 + windowMs, windowMs });
  expect(await encodeAgain(camera, t0, t0 + 2 * windowMs)).toEqual({
    segments: 1,
    rows: [
      [0, 90],
      [windowMs, 180],
      [windowMs + 4000, 180],
    ],
  });
});

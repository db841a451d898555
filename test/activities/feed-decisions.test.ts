import { afterAll, beforeAll, expect, test } from 'vitest';
import { decideFirst } from '../../activities/feed-decisions.ts';
import { cameraByPublicId } from '../../db/cameras.ts';
import { saveDecision, undecidedCameras } from '../../db/finish-decisions.ts';
import { recordMade } from '../media/footage.ts';
import { createFinishSite, t0, type FinishSite } from './finish-site.ts';

const nowMs = t0 + 60_000;
let site: FinishSite;
let footage: string[];

beforeAll(async () => {
  site = await createFinishSite();
  footage = await recordMade(site.dir, 'main', { seconds: 8, fps: 25, gop: 50 });
  await site.profile('low', { height: 90 });
  await site.profile('any', { height: 1080 });
});
afterAll(() => site.close());

test.each([
  ['low', 'encode', /^Provisional, by its newest segments\. Encoded: its height is 180/],
  ['any', 'copy', /^Provisional, by its newest segments\. Kept as it is: H\.264 320x180 at 25 fps/],
] as const)(
  'under %s the first segments show that the profile will %s, long before their window ends',
  async (profile, action, reason) => {
    const { db } = site.deps;
    const camera = await site.addCamera(profile);
    const finish = async () => (await cameraByPublicId(db, camera.id))?.finish;
    await decideFirst(db, nowMs);
    expect(await finish()).toBeNull(); // nothing is stored yet
    await site.commit(camera, footage.slice(0, 1), { startMs: t0, windowMs: 600_000 });
    await decideFirst(db, nowMs);
    expect(await finish()).toEqual({ action, reason: expect.stringMatching(reason) });
    expect((await undecidedCameras(db, t0, 100)).map(({ internalId }) => internalId)).not.toContain(camera.internalId);
  },
);

test('what a window was decided by is not replaced by a first look', async () => {
  const { db } = site.deps;
  const camera = await site.addCamera('low');
  await site.commit(camera, footage.slice(0, 1), { startMs: t0, windowMs: 600_000 });
  const [found] = (await undecidedCameras(db, t0, 100)).filter(({ internalId }) => internalId === camera.internalId);
  const decision = { variant: found?.variant ?? 0, action: 'encode', reason: 'By all of it.' } as const;
  await saveDecision(db, camera.internalId, decision);
  await saveDecision(db, camera.internalId, { ...decision, reason: 'A first look, late.' }, true);
  expect((await cameraByPublicId(db, camera.id))?.finish).toMatchObject({ reason: 'By all of it.' });
});

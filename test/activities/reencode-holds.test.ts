import { afterAll, beforeAll, expect, test } from 'vitest';
import { finishWindow } from '../../activities/finish-window.ts';
import { takeReady } from '../../db/finish-feed.ts';
import { due } from '../../db/object-gc.ts';
import { placeHold, releaseHold } from '../../db/holds.ts';
import { previewReencode, reencodeById, startReencode } from '../../db/reencode-jobs.ts';
import { transaction } from '../../db/sql.ts';
import { t0, type SiteCamera } from './finish-site.ts';
import { createReencodeSite, type ReencodeSite } from './reencode-site.ts';

/** Windows of bulk work have ten minutes; so far apart the two pieces of footage have one each. */
const windowMs = 600_000;
const hourMs = 3_600_000;
let site: ReencodeSite;

beforeAll(async () => {
  site = await createReencodeSite(windowMs);
});
afterAll(() => site.close());

function hold(camera: SiteCamera, startMs: number, endMs: number, untilMs: number | null = null): Promise<string> {
  const wanted = { reason: 'theft', placedBy: 'account:admin', placedAtMs: Date.now(), untilMs };
  return transaction(site.deps.db, async (tx) => {
    return (await placeHold(tx, { ...wanted, cameraId: camera.id, startMs, endMs })).hold.id;
  });
}

function rangeOf(camera: SiteCamera) {
  return { cameraIds: [camera.id], profileId: site.smaller.id, fromMs: t0, toMs: t0 + 2 * windowMs };
}

test('what a hold keeps is counted in the preview as held, and is not encoded again', async () => {
  const camera = await site.cameraWith(2);
  const { db } = site.deps;
  // Touches the end of the first window's footage only.
  const holdId = await hold(camera, t0 + 7500, t0 + 60_000);
  const [first, second] = await site.rows(camera);
  expect(await previewReencode(db, rangeOf(camera), Date.now())).toEqual({
    windows: 1,
    segments: 1,
    durationMs: 8000,
    bytes: second?.bytes,
    held: { segments: 1, durationMs: 8000 },
  });
  const id = await transaction(db, (tx) => startReencode(tx, rangeOf(camera), Date.now()));
  expect((await site.finishAll()).map(({ finals }) => finals)).toEqual([1]);
  const after = await site.rows(camera);
  expect(after[0]).toEqual(first);
  expect(after[1]).toMatchObject({ format: { height: 90 }, durationMs: 8000 });
  expect(await reencodeById(db, id)).toMatchObject({ state: 'done', windows: 1, done: 1 });

  // Released, it goes the way of all footage.
  await transaction(db, (tx) => releaseHold(tx, holdId, { by: 'account:admin', nowMs: Date.now() }));
  await transaction(db, (tx) => startReencode(tx, rangeOf(camera), Date.now()));
  expect((await site.finishAll()).map(({ finals }) => finals)).toEqual([1]);
  expect((await site.rows(camera)).map(({ format }) => format.height)).toEqual([90, 90]);
});

test('a hold that is placed while its footage is being encoded again wins: the swap changes nothing', async () => {
  const camera = await site.cameraWith(2);
  const before = await site.rows(camera);
  await startFirst(camera);
  // By this encoder's clock the hold is over when it is placed; by the database's it lasts.
  const fast = { now: () => Date.now() + 3 * hourMs };
  const failpoint = async (name: string): Promise<void> => {
    if (name === 'stored') await hold(camera, t0, t0 + 1, Date.now() + hourMs);
  };
  const result = await finishWindow({ ...site.deps, ...fast, failpoint }, await fedWindow());
  expect(result).toMatchObject({ outcome: 'stale', finals: 0 });
  expect(await site.rows(camera)).toEqual(before);
  // The round after it finds nothing that it may touch.
  const again = await site.finishAll(hourMs, fast);
  expect(again.map(({ outcome, finals }) => [outcome, finals])).toEqual([['finished', 0]]);
  expect(await site.rows(camera)).toEqual(before);
});

test('an encoder whose clock is slow leaves what it has replaced to open players for an hour', async () => {
  const camera = await site.cameraWith(1);
  const [source] = await site.rows(camera);
  if (source === undefined) throw new Error('no final was made');
  await startFirst(camera);
  const beganMs = Date.now();
  await site.finishAll(hourMs, { now: () => Date.now() - 8 * hourMs });
  expect((await site.rows(camera)).map(({ format }) => format.height)).toEqual([90]);
  const { db } = site.deps;
  const key = site.keyOf(camera, source);
  expect((await due(db, Date.now() + 2 * hourMs, 100)).map((one) => one.key)).toContain(key);
  expect((await due(db, beganMs + hourMs - 60_000, 100)).map((one) => one.key)).not.toContain(key);
});

/** Asks for the first window's footage to be encoded again. */
function startFirst(camera: SiteCamera): Promise<string> {
  const range = { ...rangeOf(camera), toMs: t0 + windowMs };
  return transaction(site.deps.db, (tx) => startReencode(tx, range, Date.now()));
}

async function fedWindow() {
  const [window] = await takeReady(site.deps.db, { queue: 'encode', nowMs: t0 + hourMs, cheap: true, limit: 10 });
  if (window === undefined) throw new Error('nothing was fed');
  return { ...window, queue: 'encode' as const };
}

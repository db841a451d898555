import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { collectBatch } from '../../activities/collect-objects.ts';
import { finishWindow, type FinishDeps, type FinishResult } from '../../activities/finish-window.ts';
import { takeReady, takeUnseen, type FedWindow } from '../../db/finish-feed.ts';
import { reopen } from '../../db/finish-windows.ts';
import type { Segment } from '../../domain/segment.ts';
import { createLogger } from '../../log.ts';
import { createObjects } from '../../storage/objects.ts';
import { pictures, recordMade } from '../media/footage.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { testS3 } from '../support/objects.ts';
import { keysOf } from '../support/stored-footage.ts';
import { createFinishSite, t0, type FinishSite, type SiteCamera } from './finish-site.ts';
import { killPlaces } from './kill-places.ts';
import { killedProfiles, killFinishJobs, type KilledJob } from './killed-finish-jobs.ts';

const windowMs = 12_000;
const hourMs = 3_600_000;
const log = createLogger({ level: 'silent', name: 'test' });
let database: TestDatabase;
let site: FinishSite;
let footage: string[];
let sourcePictures: string[];
let killed: KilledJob[];

beforeAll(async () => {
  const s3 = await testS3();
  const objects = createObjects(s3);
  await objects.ensureBucket();
  database = await createTestDatabase();
  site = await createFinishSite({ database, objects });
  footage = await recordMade(site.dir, 'main', { seconds: 12, fps: 25, gop: 50 });
  sourcePictures = (await Promise.all(footage.map(pictures))).flat();
  await site.profile('small', { mode: 'encode', height: 90, fps: 5, bitrateKbps: 100 });
  await site.profile('kept', { mode: 'copy', durable: 'final' });
  killed = await killFinishJobs(site, s3, { files: footage, windowMs });
  await collect(7 * hourMs);
}, 300_000);
afterAll(async () => {
  await site.close();
  await database.drop();
});

async function cameraWithFootage(profile: string): Promise<SiteCamera> {
  const camera = await site.addCamera(profile);
  await site.commit(camera, footage, { startMs: t0, windowMs });
  return camera;
}

async function feed(
  camera: SiteCamera,
): Promise<{ window: FedWindow; run: (d?: Partial<FinishDeps>) => Promise<FinishResult> }> {
  for (const queue of ['join', 'encode'] as const) {
    const fed = await takeReady(site.deps.db, { queue, nowMs: t0 + hourMs, cheap: true, limit: 100 });
    const window = fed.find(({ cameraId }) => cameraId === camera.id);
    if (window !== undefined) {
      return { window, run: (changes = {}) => finishWindow({ ...site.deps, ...changes }, { ...window, queue }) };
    }
  }
  throw new Error('nothing was fed');
}

/** Collects as if it were so much later. */
async function collect(afterMs: number): Promise<void> {
  const { db, objects } = site.deps;
  while ((await collectBatch({ db, objects, log, now: () => Date.now() + afterMs })).taken > 0);
}

/** One final, with its object; nothing else in the bucket once the collector has been. */
async function expectOneFinal(camera: SiteCamera): Promise<void> {
  const rows = await site.rows(camera);
  expect(rows).toMatchObject([{ startMs: t0, durationMs: 12_000, variant: expect.any(Number) as number }]);
  await collect(7 * hourMs);
  expect(await keysOf(site.objects, camera)).toEqual(rows.map((row) => site.keyOf(camera, row)));
  expect(await readdir(site.deps.workDir)).toEqual([]);
}

/** Of finals with the same bytes once. */
const shownBy = new Map<string, Promise<string[]>>();
function picturesOf(camera: SiteCamera, final: Segment): Promise<string[]> {
  const shown = shownBy.get(final.sha256) ?? site.download(camera, final).then(pictures);
  shownBy.set(final.sha256, shown);
  return shown;
}

const places = killedProfiles.flatMap((profile) => killPlaces.finish.map((place) => ({ profile, place })));
test.each(places)(
  'profile $profile, killed (SIGKILL) at $place and done again: one final that plays, no orphan',
  async ({ profile, place }) => {
    const job = killed.find((one) => one.profile === profile && one.place === place);
    if (job === undefined) throw new Error('it was not killed');
    const { camera, sourceKeys, orders } = job;
    expect(job.rowsAfterKill).toBe(place.endsWith('swapped') ? 1 : sourceKeys.length);
    expect(job.outcomes).toEqual(['finished', 'stale']);
    const [final, ...others] = await site.rows(camera);
    if (final === undefined || others.length > 0) throw new Error(`${others.length + 1} finals, or none`);
    expect(final).toMatchObject({ startMs: t0, durationMs: 12_000 });
    expect(final.variant).toBeGreaterThan(0);
    const finalKey = site.keyOf(camera, final);
    const finished = orders.filter(({ reason }) => reason === 'finished').map(({ key }) => key);
    expect(finished).toEqual(sourceKeys.toSorted());
    // What is stored has a row, or an order to delete it.
    const ordered = new Set(orders.map(({ key }) => key));
    expect(job.keys.filter((key) => !ordered.has(key))).toEqual([finalKey]);
    expect(await keysOf(site.objects, camera)).toEqual([finalKey]);
    const shown = await picturesOf(camera, final);
    if (profile === 'small') expect(shown).toHaveLength(60);
    else expect(shown).toEqual(sourcePictures);
  },
);

test('a job that is never done again leaves no orphan', async () => {
  const camera = await cameraWithFootage('small');
  const { run } = await feed(camera);
  const failpoint = (name: string): void => {
    if (name === 'stored') throw new Error('killed');
  };
  await expect(run({ failpoint })).rejects.toThrow('killed');
  expect((await keysOf(site.objects, camera)).length).toBe(4);
  await collect(hourMs); // a job may still be at work
  expect((await keysOf(site.objects, camera)).length).toBe(4);
  await collect(7 * hourMs);
  const rows = await site.rows(camera);
  expect((await keysOf(site.objects, camera)).toSorted()).toEqual(
    rows.map((row) => site.keyOf(camera, row)).toSorted(),
  );
});

test('two at once: one final', async () => {
  const camera = await cameraWithFootage('small');
  const { run } = await feed(camera);
  const outcomes = (await Promise.all([run(), run()])).map(({ outcome }) => outcome);
  expect(outcomes.toSorted()).toEqual(['finished', 'stale']);
  // The one that came second may have put the window back, in case that rows had changed: then nothing is left to do.
  for (const result of await site.finishAll()) expect(result).toMatchObject({ outcome: 'finished', finals: 0 });
  await expectOneFinal(camera);
});

test('a late segment opens the window again, and becomes a final of its own', async () => {
  const camera = await site.addCamera('small');
  const [first = '', ...others] = footage;
  await site.commit(camera, [first], { startMs: t0, windowMs });
  const early = await feed(camera);
  expect(await early.run()).toMatchObject({ outcome: 'finished', finals: 1 });
  await site.commit(camera, others, { startMs: t0 + 4000, windowMs, anchor: false });
  const late = await feed(camera);
  expect(late.window.generation).toBe(2);
  expect(await late.run()).toMatchObject({ outcome: 'finished', finals: 1 });
  expect((await site.rows(camera)).map(({ startMs, durationMs }) => [startMs - t0, durationMs])).toEqual([
    [0, 4000],
    [4000, 8000],
  ]);
});

test('a segment that comes while the job runs is not forgotten', async () => {
  const camera = await site.addCamera('original');
  await site.commit(camera, footage.slice(0, 2), { startMs: t0, windowMs });
  const { run } = await feed(camera);
  const failpoint = async (name: string): Promise<void> => {
    if (name === 'swapped')
      await site.commit(camera, footage.slice(2), { startMs: t0 + 8000, windowMs, anchor: false });
  };
  expect(await run({ failpoint })).toMatchObject({ outcome: 'stale', finals: 1 });
  const late = await feed(camera);
  expect(late.window.generation).toBe(2);
  expect(await late.run()).toMatchObject({ outcome: 'finished', finals: 0 }); // a single one is kept as it is
});

test('sources that retention has taken meanwhile are not brought back', async () => {
  const camera = await cameraWithFootage('original');
  const { run } = await feed(camera);
  const failpoint = async (name: string): Promise<void> => {
    if (name !== 'stored') return;
    await site.deps.db.query(`update segment set state = 1 where camera_id = $1 and start_at = $2`, [
      camera.internalId,
      new Date(t0),
    ]);
  };
  expect((await run({ failpoint })).outcome).toBe('stale');
  expect((await site.rows(camera)).map(({ startMs }) => startMs - t0)).toEqual([4000, 8000]);
  const next = await feed(camera);
  expect(await next.run()).toMatchObject({ outcome: 'finished', finals: 1 });
  expect((await site.rows(camera)).map(({ startMs }) => startMs - t0)).toEqual([4000]);
});

test('a camera that is being purged is left alone', async () => {
  const camera = await cameraWithFootage('original');
  const { run } = await feed(camera);
  const failpoint = async (name: string): Promise<void> => {
    if (name === 'stored') {
      await site.deps.db.query(`update camera set status = 'purging' where id = $1`, [camera.internalId]);
    }
  };
  expect((await run({ failpoint })).outcome).toBe('stale');
  expect((await site.rows(camera)).length).toBe(3);
  expect((await run()).outcome).toBe('stale');
});

test('a job that is not seen any more is fed again', async () => {
  const camera = await cameraWithFootage('original');
  const { window } = await feed(camera);
  const unseen = { queue: 'join', nowMs: t0 + hourMs + 60_001, seenBeforeMs: t0 + hourMs + 1, limit: 10 } as const;
  const again = await takeUnseen(site.deps.db, unseen);
  expect(again.find(({ cameraId }) => cameraId === camera.id)).toEqual(window);
  expect(await takeUnseen(site.deps.db, unseen)).toEqual([]);
  await reopen(site.deps.db, window);
  expect((await feed(camera)).window.generation).toBe(2);
});

test('a source that the store has lost or spoilt is never made a final of', async () => {
  const camera = await cameraWithFootage('original');
  const { run } = await feed(camera);
  const [source] = await site.rows(camera);
  if (source === undefined) throw new Error('no rows');
  await site.objects.remove([site.keyOf(camera, source)]);
  await expect(run()).rejects.toThrow('a source is gone');
  expect((await site.rows(camera)).length).toBe(3);
});

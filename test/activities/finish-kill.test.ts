import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { collectBatch } from '../../activities/collect-objects.ts';
import { finishWindow, type FinishDeps, type FinishResult } from '../../activities/finish-window.ts';
import { takeReady, takeUnseen, type FedWindow } from '../../db/finish-feed.ts';
import { reopen } from '../../db/finish-windows.ts';
import { createLogger } from '../../log.ts';
import { recordMade } from '../media/footage.ts';
import { createFinishSite, t0, type FinishSite, type SiteCamera } from './finish-site.ts';

const windowMs = 12_000;
const hourMs = 3_600_000;
const log = createLogger({ level: 'silent', name: 'test' });
let site: FinishSite;
let footage: string[];

beforeAll(async () => {
  site = await createFinishSite();
  footage = await recordMade(site.dir, 'main', { seconds: 12, fps: 25, gop: 50 });
  await site.profile('small', { mode: 'encode', height: 90, fps: 5, bitrateKbps: 100 });
});
afterAll(() => site.close());

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

async function keysOf(camera: SiteCamera): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of site.objects.list(`${camera.tenantId}/${camera.id}/`)) keys.push(key);
  return keys;
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
  expect(await keysOf(camera)).toEqual(rows.map((row) => site.keyOf(camera, row)));
  expect(await readdir(site.deps.workDir)).toEqual([]);
}

const places = ['fetched', 'made', 'reserved', 'stored', 'swapped', 'all-swapped'];
test.each(places.flatMap((place) => [['original', place] as const, ['small', place] as const]))(
  'profile %s, killed at "%s" and done again: one final, no orphan',
  async (profile, place) => {
    const camera = await cameraWithFootage(profile);
    const { run } = await feed(camera);
    const failpoint = (name: string): void => {
      if (name === place) throw new Error(`killed at ${place}`);
    };
    await expect(run({ failpoint })).rejects.toThrow(`killed at ${place}`);
    expect((await site.rows(camera)).length).toBe(place.endsWith('swapped') ? 1 : 3);
    expect((await run()).outcome).toBe('finished');
    await expectOneFinal(camera);
    expect((await run()).outcome).toBe('stale');
  },
);

test('a job that is never done again leaves no orphan', async () => {
  const camera = await cameraWithFootage('small');
  const { run } = await feed(camera);
  const failpoint = (name: string): void => {
    if (name === 'stored') throw new Error('killed');
  };
  await expect(run({ failpoint })).rejects.toThrow('killed');
  expect((await keysOf(camera)).length).toBe(4);
  await collect(hourMs); // a job may still be at work
  expect((await keysOf(camera)).length).toBe(4);
  await collect(7 * hourMs);
  const rows = await site.rows(camera);
  expect((await keysOf(camera)).toSorted()).toEqual(rows.map((row) => site.keyOf(camera, row)).toSorted());
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

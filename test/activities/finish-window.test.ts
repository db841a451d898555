import { afterAll, beforeAll, expect, test } from 'vitest';
import { vodPlaylist } from '../../media/playlist.ts';
import { packetsOf, pictures, recordMade } from '../media/footage.ts';
import { createFinishSite, t0, type FinishSite, type SiteCamera } from './finish-site.ts';

const windowMs = 24_000;
let site: FinishSite;
/** 24 s at 30 fps in segments of 4 s. */
let footage: string[];

beforeAll(async () => {
  site = await createFinishSite();
  footage = await recordMade(site.dir, 'main', { seconds: 24, fps: 30, gop: 60 });
});
afterAll(() => site.close());

async function gcReasons(): Promise<Record<string, string>> {
  const { rows } = await site.database.pool.query<{ key: string; reason: string }>(`select key, reason from object_gc`);
  return Object.fromEntries(rows.map(({ key, reason }) => [key, reason]));
}

async function playlistTimes(camera: SiteCamera): Promise<string[]> {
  const segments = await site.rows(camera);
  const { text } = vodPlaylist({ segments, fromMs: t0, toMs: t0 + 3_600_000, uriOf: () => 'x' });
  return text.split('\n').filter((line) => line.startsWith('#EXTINF'));
}

test('a window under a copy profile becomes one object: the same pictures at the same times', async () => {
  const camera = await site.addCamera('original');
  const sources = await site.commit(camera, footage, { startMs: t0, windowMs });
  expect(sources.length).toBe(6);
  const times = await playlistTimes(camera);

  const results = await site.finishAll();
  expect(results.map(({ outcome, finals }) => [outcome, finals])).toEqual([['finished', 1]]);
  const rows = await site.rows(camera);
  expect(rows.length).toBe(1);
  const [final] = rows;
  if (final === undefined) throw new Error('no final');
  expect(final).toMatchObject({ startMs: t0, durationMs: 24_000, anchor: true });
  expect(final.variant).toBeGreaterThan(0);
  expect(await playlistTimes(camera)).toEqual(times);

  const file = await site.download(camera, final);
  const sourcePictures = (await Promise.all(footage.map(pictures))).flat();
  expect(await pictures(file)).toEqual(sourcePictures);
  expect(sourcePictures.length).toBe(720);
  const dts = (await packetsOf(file)).map((packet) => packet.dts);
  const steps = dts.slice(1).map((value, i) => value - (dts[i] ?? 0));
  // The test's source file has whole milliseconds.
  expect(Math.max(...steps) / Math.min(...steps)).toBeLessThan(1.1);

  const reasons = await gcReasons();
  for (const source of sources) expect(reasons[site.keyOf(camera, source)]).toBe('finished');
  expect(reasons[site.keyOf(camera, final)]).toBeUndefined();
  // Nothing is done twice.
  expect(await site.finishAll()).toEqual([]);
});

test('a profile that encodes makes one small final on the same wall time', async () => {
  await site.profile('small', { mode: 'encode', height: 90, fps: 10, bitrateKbps: 100 });
  const camera = await site.addCamera('small');
  await site.commit(camera, footage, { startMs: t0, windowMs });
  const results = await site.finishAll();
  expect(results.map(({ outcome, finals }) => [outcome, finals])).toEqual([['finished', 1]]);
  const [final, ...others] = await site.rows(camera);
  expect(others).toEqual([]);
  expect(final).toMatchObject({ startMs: t0, durationMs: 24_000, format: { width: 160, height: 90, fps: 10 } });
  expect((final?.entries ?? []).map(({ ms }) => ms)).toEqual([4000, 4000, 4000, 4000, 4000, 4000]);
  if (final !== undefined) expect((await packetsOf(await site.download(camera, final))).length).toBe(240);
});

test.each(['original', 'small'])(
  'under profile %s a job lives while it joins, encodes, hashes and verifies',
  async (name) => {
    const camera = await site.addCamera(name);
    await site.commit(camera, footage, { startMs: t0, windowMs });
    let signs = 0;
    const at: Record<string, number> = {};
    const changes = {
      onProgress: () => void (signs += 1),
      failpoint: (place: string) => void (at[place] = signs),
    };
    expect((await site.finishAll(undefined, changes)).map(({ finals }) => finals)).toEqual([1]);
    const between = (from: string, to: string): number => (at[to] ?? 0) - (at[from] ?? 0);
    // One for each file that is walked, and one at least for each pass over its bytes.
    expect(between('fetched', 'made')).toBeGreaterThanOrEqual(footage.length * (name === 'original' ? 3 : 2) + 1);
    expect(between('reserved', 'stored')).toBeGreaterThan(0);
  },
);

test('a gap in a window gives two finals', async () => {
  const camera = await site.addCamera('original');
  await site.commit(camera, footage.slice(0, 2), { startMs: t0, windowMs });
  await site.commit(camera, footage.slice(3, 6), { startMs: t0 + 12_500, windowMs, anchor: true });
  expect((await site.finishAll()).map(({ finals }) => finals)).toEqual([2]);
  const rows = await site.rows(camera);
  expect(rows.map(({ startMs, durationMs }) => [startMs - t0, durationMs])).toEqual([
    [0, 8000],
    [12_500, 12_000],
  ]);
});

test('a camera that changes its size gives a final of each, and a playlist that says so', async () => {
  const large = await recordMade(site.dir, 'large', { seconds: 8, fps: 30, gop: 60, size: '640x360' });
  await site.profile('low', { mode: 'encode', height: 120, fps: 10, bitrateKbps: 100 });
  for (const [profile, heights] of [
    ['original', [180, 360]],
    ['low', [120, 120]],
  ] as const) {
    const camera = await site.addCamera(profile);
    await site.commit(camera, footage.slice(0, 2), { startMs: t0, windowMs });
    await site.commit(camera, large, { startMs: t0 + 8000, windowMs, anchor: true });
    expect((await site.finishAll()).map(({ finals }) => finals)).toEqual([2]);
    const rows = await site.rows(camera);
    expect(rows.map(({ startMs, durationMs, format }) => [startMs - t0, durationMs, format.height])).toEqual([
      [0, 8000, heights[0]],
      [8000, 8000, heights[1]],
    ]);
    const { text } = vodPlaylist({ segments: rows, fromMs: t0, toMs: t0 + 3_600_000, uriOf: () => 'x' });
    expect(text.match(/#EXT-X-DISCONTINUITY/g)?.length).toBe(1);
  }
});

import { afterAll, beforeAll, expect, test } from 'vitest';
import { inspectSources } from '../../media/join.ts';
import { encodeInto } from './encoding.ts';
import { makeFolder, recordMade } from './footage.ts';

let folder: { path: string; remove: () => Promise<void> };
/** Ten seconds and more of one camera, as several windows of unlike content and length have it. */
let segments: string[];
beforeAll(async () => {
  folder = await makeFolder();
  segments = await recordMade(
    folder.path,
    'camera',
    { seconds: 24, fps: '30000/1001', gop: 60, size: '480x270', audio: 'aac' },
    'aac',
  );
});
afterAll(() => folder.remove());

// A player that meets another init begins anew: EXT-X-DISCONTINUITY and EXT-X-MAP at each seam of two finals.
test.each([
  ['with a rate', { fps: 10, bitrateKbps: 500, audio: 'none' }],
  ['with sound', { fps: 10, bitrateKbps: 500, audio: 'aac' }],
  ['held at what the sources had', { fps: null, bitrateKbps: 50_000, audio: 'none' }],
  ['at its own rate and size', { height: null, fps: null, bitrateKbps: null, audio: 'none' }],
  ['at its own rate with sound', { height: null, fps: null, bitrateKbps: null, audio: 'aac' }],
] as const)('finals of one camera and profile share one init: %s', async (name, change) => {
  const inits = new Set<string>();
  const rates = new Set<number>();
  for (const window of [segments.slice(0, 1), segments.slice(1, 4), segments.slice(4)]) {
    const { result, target } = await encodeInto(folder.path, await inspectSources(window), change);
    inits.add(result.index.initSha256);
    rates.add(target.bitrateKbps);
  }
  expect(inits.size).toBe(1);
  // What is asked of the encoder follows the sources where these have less: it must not be written into the init.
  if (name.startsWith('held')) expect(rates.size).toBeGreaterThan(1);
});

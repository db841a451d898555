import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProfileSpec } from '../../domain/profile.ts';
import { inspectSources, type Sources } from '../../media/join.ts';
import { verifyFinal } from '../../media/verify-final.ts';
import { encodeInto } from './encoding.ts';
import { makeFolder, recordMade } from './footage.ts';

let folder: { path: string; remove: () => Promise<void> };
beforeAll(async () => {
  folder = await makeFolder();
});
afterAll(() => folder.remove());

const encode = (sources: Sources, change: Partial<ProfileSpec> = {}) => encodeInto(folder.path, sources, change);

describe('verifyFinal', () => {
  it('lists everything that is not as asked', async () => {
    const sources = await inspectSources(await recordMade(folder.path, 'verify', { size: '640x360' }));
    const { result, target } = await encode(sources);
    expect(verifyFinal(result.index, sources, target)).toEqual([]);
    const other = { ...target, width: 640, height: 360, fps: 15, bitrateKbps: 100, audio: 'copy' as const };
    expect(verifyFinal(result.index, sources, other)).toEqual([
      'it is 426x240, not 640x360',
      'its sound is null',
      'it has 120 frames, 180 fill its sources\u2019 time'.replace('\u2019', "'"),
      'it has 10 frames a second, not 15',
      expect.stringMatching(/^it takes \d+ kbit\/s, 100 were asked$/),
    ]);
  });

  it('refuses a result that lost its end, or that is one of other sources', async () => {
    const segments = await recordMade(folder.path, 'verify-end', { size: '640x360' });
    const all = await inspectSources(segments);
    const { result, target } = await encode(await inspectSources(segments.slice(0, 2)));
    expect(verifyFinal(result.index, all, target)).toEqual([
      "it has 80 frames, 120 fill its sources' time",
      'it lasts 8000 ms, its sources 12000 ms',
    ]);
    const later = await inspectSources(segments.slice(1));
    expect(verifyFinal(result.index, later, target)).toContain('it starts 4000 ms beside its sources');
  });
});

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeTarget } from '../../domain/profile.ts';
import { beating } from '../../media/beating.ts';
import { encodeFile } from '../../media/encode-file.ts';
import { inspectSources } from '../../media/join.ts';
import { profile, x264 } from './encoding.ts';
import { ffmpeg, makeFolder, recordMade } from './footage.ts';

let folder: { path: string; remove: () => Promise<void> };
beforeAll(async () => {
  folder = await makeFolder();
});
afterAll(() => folder.remove());

test('beats while the work goes on, and no longer, however it ends', async () => {
  let beats = 0;
  const beat = (): void => void (beats += 1);
  let finish: (value: string) => void = () => undefined;
  const work = beating(beat, () => new Promise<string>((resolve) => (finish = resolve)), 1);
  while (beats < 3) await sleep(1);
  finish('done');
  expect(await work).toBe('done');
  await expect(beating(beat, () => Promise.reject(new Error('failed')), 1)).rejects.toThrow('failed');
  const after = beats;
  await sleep(20);
  expect(beats).toBe(after);
});

test('an encode lives while its result is verified, when no byte of its sources moves any more', async () => {
  const sources = await inspectSources(await recordMade(folder.path, 'main', { seconds: 4, size: '640x360' }));
  const seen: number[] = [];
  await encodeFile({
    ffmpeg,
    encoder: x264,
    sources,
    target: encodeTarget(profile, sources.facts),
    output: join(folder.path, 'final.mp4'),
    onProgress: (done) => seen.push(done),
    beatMs: 1,
  });
  expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  // The last byte is told of once; what follows are beats: to decode the keys alone takes some 50 ms.
  expect(seen.filter((done) => done === 1).length).toBeGreaterThan(1);
});

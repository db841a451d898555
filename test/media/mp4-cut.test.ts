import { createHash } from 'node:crypto';
import { spawn } from 'node:child_process';
import { mkdir, readFile, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkSanity, totalTicks } from '../../domain/segment.ts';
import { cutFile } from '../../media/mp4-cut.ts';
import { firstTfdt, readIndex } from '../../media/mp4-index.ts';
import {
  argumentsFor,
  ffmpeg,
  makeFolder,
  makeSource,
  pictures,
  recordMade,
  run,
  type SourceOptions,
} from './footage.ts';

let folder: { path: string; remove: () => Promise<void> };

beforeAll(async () => {
  folder = await makeFolder();
});
afterAll(() => folder.remove());

const footage = (name: string, source?: SourceOptions) => recordMade(folder.path, name, source);

describe('cutFile', () => {
  it('gives a file that plays alone, with its pictures and its time', async () => {
    const paths = await footage('cut', { gop: 60, bFrames: 0 });
    const source = paths[1] ?? '';
    const index = await readIndex(source);
    const all = await pictures(source);
    const target = join(folder.path, 'cut.mp4');
    const from = index.fragments.findIndex((fragment, i) => i > 0 && fragment.key);
    const result = await cutFile(source, index, { from, to: index.fragments.length - 1 }, target);
    const cut = await readIndex(target);
    expect(cut.fragments.map(({ tfdt }) => tfdt)).toEqual(index.fragments.slice(from, -1).map(({ tfdt }) => tfdt));
    expect(cut.initSha256).toBe(index.initSha256);
    expect(await pictures(target)).toEqual(all.slice(60, 90));
    const written = await readFile(target);
    expect(result).toEqual({ bytes: written.length, sha256: createHash('sha256').update(written).digest('hex') });
    expect(await firstTfdt(target)).toBe(index.fragments[from]?.tfdt);
  });

  it('writes a fragment table like the muxer: seeking by it finds the picture', async () => {
    const [source = ''] = await footage('table', { gop: 30 });
    const index = await readIndex(source);
    const target = join(folder.path, 'table.mp4');
    await cutFile(source, index, { from: 0, to: index.fragments.length }, target);
    const picture = async (path: string) =>
      (
        await run(ffmpeg, [
          '-v',
          'error',
          '-ss',
          '2.5',
          '-i',
          path,
          '-frames:v',
          '1',
          '-f',
          'framehash',
          '-hash',
          'sha256',
          '-',
        ])
      ).toString();
    expect(await picture(target)).toBe(await picture(source));
    const tail = (await readFile(target)).subarray(index.wholeBytes);
    expect(tail.readUInt32BE(0)).toBe(tail.length);
    expect(tail.toString('latin1', 4, 8)).toBe('mfra');
    expect(tail.readUInt32BE(tail.length - 4)).toBe(tail.length);
  });

  it('refuses an empty range and one that does not start at a key, and leaves nothing behind', async () => {
    const [source = ''] = await footage('refused');
    const index = await readIndex(source);
    const target = join(folder.path, 'refused', 'target.mp4');
    await expect(cutFile(source, index, { from: 2, to: 2 }, target)).rejects.toThrow(RangeError);
    await expect(cutFile(source, index, { from: 1, to: 3 }, target)).rejects.toThrow(/does not start at a key/);
    await truncate(source, index.wholeBytes - 10);
    await expect(cutFile(source, index, { from: 0, to: index.fragments.length }, target)).rejects.toThrow(/shorter/);
    await expect(stat(target)).rejects.toThrow(/ENOENT/);
    await expect(stat(`${target}.part`)).rejects.toThrow(/ENOENT/);
  });

  it('salvages an open file after kill -9: every whole fragment, every picture clean', async () => {
    const dir = join(folder.path, 'killed');
    await mkdir(dir);
    const source = join(dir, 'source.mp4');
    await makeSource(source, { seconds: 20 });
    const child = spawn(ffmpeg, argumentsFor(source, { dir, segmentSeconds: 60, realTime: true }), { stdio: 'ignore' });
    const gone = new Promise((resolve) => child.once('exit', resolve));
    await sleep(6500);
    child.kill('SIGKILL');
    await gone;
    const openFile = join(dir, '0.mp4');
    const index = await readIndex(openFile);
    expect(index.wholeBytes).toBeLessThanOrEqual(index.fileBytes);
    // 1 s fragments, each written when the next one begins.
    expect((totalTicks(index.fragments) * 1000) / index.timescale).toBeGreaterThanOrEqual(5000);
    const target = join(dir, 'salvaged.mp4');
    await cutFile(openFile, index, { from: 0, to: index.fragments.length }, target);
    const frames = index.fragments.reduce((sum, { samples }) => sum + samples, 0);
    expect(await pictures(target)).toEqual((await pictures(source)).slice(0, frames));
    expect(checkSanity(await readIndex(target), { maxDurationMs: 60_000 })).toEqual([]);
  }, 30_000);
});

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readIndex } from '../../media/mp4-index.ts';
import { parameterSetsAt, parameterSetsChangedAt, parameterSetsOf } from '../../media/parameter-sets.ts';
import { makeFolder, makeSource, record, recordMade } from './footage.ts';

let folder: { path: string; remove: () => Promise<void> };

beforeAll(async () => {
  folder = await makeFolder();
});
afterAll(() => folder.remove());

/** A camera that changes its picture size after 4 s, as MPEG-TS carries it: parameter sets before each key. */
async function changing(codec: 'h264' | 'hevc', sizes: readonly string[]): Promise<string[]> {
  const dir = join(folder.path, `${codec}-${sizes.join('-')}`);
  await mkdir(dir);
  const parts: Buffer[] = [];
  for (const [i, size] of sizes.entries()) {
    const part = join(dir, `${i}.ts`);
    await makeSource(part, { codec, size, seconds: 4, fps: 10, gop: 20 });
    parts.push(await readFile(part));
  }
  const source = join(dir, 'source.ts');
  await writeFile(source, Buffer.concat(parts));
  return await record(source, { dir, codec, segmentSeconds: 60 });
}

describe.each(['h264', 'hevc'] as const)('%s', (codec) => {
  it('finds the fragment from which on the init is wrong', async () => {
    const [path = ''] = await changing(codec, ['320x180', '640x360']);
    const index = await readIndex(path);
    expect(index.video).toMatchObject({ width: 320, height: 180 });
    const at = await parameterSetsChangedAt(path, index);
    expect(at).not.toBeNull();
    const before = index.fragments.slice(0, at ?? 0).reduce((sum, { samples }) => sum + samples, 0);
    expect(before).toBe(40);
  });

  it('finds nothing where the same sets come again and again', async () => {
    const [path = ''] = await changing(codec, ['320x180', '320x180']);
    const index = await readIndex(path);
    expect(await parameterSetsAt(path, index, 0)).toHaveLength(codec === 'h264' ? 2 : 3);
    expect(await parameterSetsChangedAt(path, index)).toBeNull();
  });

  it('finds nothing where the stream carries none', async () => {
    const [path = ''] = await recordMade(folder.path, `${codec}-none`, { codec, seconds: 4 });
    const index = await readIndex(path);
    expect(await parameterSetsAt(path, index, 0)).toEqual([]);
    expect(await parameterSetsChangedAt(path, index)).toBeNull();
  });

  it('takes what the first key carries as known where SDP was wrong from the start', async () => {
    const [path = ''] = await changing(codec, ['320x180']);
    const index = await readIndex(path);
    const other = await readIndex((await changing(codec, ['640x360']))[0] ?? '');
    const wrong = { ...index, video: { ...index.video, parameterSets: other.video.parameterSets } };
    expect(await parameterSetsChangedAt(path, wrong)).toBe(0);
    expect(await parameterSetsChangedAt(path, wrong, await parameterSetsAt(path, wrong, 0))).toBeNull();
  });
});

describe('parameterSetsOf', () => {
  const nal = (...bytes: number[]) => Buffer.from([0, 0, 0, bytes.length, ...bytes]);
  const delimiter = nal(0x09, 0xf0);
  const sei = nal(0x06, 5, 1, 0, 0x80);
  const sps = nal(0x67, 0x64, 0, 0x1f, 0xac);
  const pps = nal(0x68, 0xee, 0x3c, 0x80);
  const slice = nal(0x65, 0x88, 0x84);

  it('looks behind delimiters and SEI, and not behind the first of several slices', () => {
    const sample = Buffer.concat([delimiter, sei, sps, pps, slice, slice, nal(0x67, 1, 2, 3)]);
    expect(parameterSetsOf(sample, 'h264', 4)).toEqual([sps.subarray(4), pps.subarray(4)]);
  });

  it('ignores the zeros some cameras pad with', () => {
    expect(parameterSetsOf(Buffer.concat([nal(0x68, 0xee, 0x3c, 0x80, 0, 0), slice]), 'h264', 4)).toEqual([
      pps.subarray(4),
    ]);
  });

  it('stops at nonsense', () => {
    expect(parameterSetsOf(Buffer.concat([sps, Buffer.from([0x7f, 0, 0, 0, 1, 2])]), 'h264', 4)).toEqual([
      sps.subarray(4),
    ]);
    expect(parameterSetsOf(Buffer.alloc(9), 'h264', 4)).toEqual([]);
    expect(parameterSetsOf(Buffer.alloc(0), 'hevc', 4)).toEqual([]);
  });
});

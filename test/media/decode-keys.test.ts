import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decodeKeys } from '../../media/decode-keys.ts';
import { readIndex } from '../../media/mp4-index.ts';
import { ffmpeg, makeFolder, recordMade } from './footage.ts';

let folder: Awaited<ReturnType<typeof makeFolder>>;
let path: string;

beforeAll(async () => {
  folder = await makeFolder();
  const [first = ''] = await recordMade(folder.path, 'main', { seconds: 4, fps: 25, gop: 25 });
  path = first;
});
afterAll(() => folder.remove());

test('a file whose key pictures decode has nothing against it, one that lacks some has', async () => {
  const keys = (await readIndex(path)).fragments.filter(({ key }) => key).length;
  expect(keys).toBe(4);
  expect(await decodeKeys(ffmpeg, path, keys)).toBeNull();
  expect(await decodeKeys(ffmpeg, path, keys + 1)).toBe('4 of its 5 key pictures decode');
});

test('a picture of zeros is refused, though every box is in its place', async () => {
  const index = await readIndex(path);
  const third = index.fragments.filter(({ key }) => key)[2];
  if (third === undefined) throw new Error('no third key');
  const file = await open(path, 'r+');
  try {
    // From the middle of the key sample on: its length and the boxes stay.
    const from = third.offset + Math.floor(third.keyBytes / 2);
    await file.write(Buffer.alloc(third.offset + third.keyBytes - from), 0, undefined, from);
  } finally {
    await file.close();
  }
  expect((await readIndex(path)).damage).toBeNull();
  expect(await decodeKeys(ffmpeg, path, 4)).toMatch(/does not decode|of its 4 key pictures/);
});

test('a file that is not there does not decode', async () => {
  expect(await decodeKeys(ffmpeg, join(folder.path, 'none.mp4'), 1)).toMatch(/does not decode/);
});

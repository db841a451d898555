import { copyFile, open, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inspectSources, joinFile, type Sources } from '../../media/join.ts';
import { fragmentTable } from '../../media/mp4-cut.ts';
import { verifyJoined } from '../../media/verify-joined.ts';
import { ffmpeg, makeFolder, recordMade, run } from './footage.ts';

let folder: { path: string; remove: () => Promise<void> };
let sources: Sources;
let joined: string;

beforeAll(async () => {
  folder = await makeFolder();
  sources = await inspectSources(await recordMade(folder.path, 'main', { gop: 60, audio: 'aac' }, 'aac'));
  joined = join(folder.path, 'joined.mp4');
  await joinFile(sources, joined);
});
afterAll(() => folder.remove());

/** The joined file, changed. */
async function changed(name: string, change: (bytes: Buffer) => Buffer): Promise<string> {
  const path = join(folder.path, name);
  await writeFile(path, change(await readFile(joined)));
  return path;
}

test('a joined file is what its sources are, sample for sample and byte for byte', async () => {
  expect(await verifyJoined(joined, sources)).toEqual([]);
});

test('one changed byte of one picture is refused', async () => {
  const last = sources.fragments.at(-1);
  const at = (last?.offset ?? 0) + (last?.bytes ?? 0) - 1;
  const path = await changed('byte.mp4', (bytes) => {
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    return bytes;
  });
  expect(await verifyJoined(path, sources)).toEqual([
    expect.stringMatching(/^its bytes are not those of its sources from \d+ on$/),
  ]);
});

test('one dropped sample is refused, though the file is sound', async () => {
  const path = join(folder.path, 'sample.mp4');
  const args = ['-v', 'error', '-i', joined, '-map', '0', '-c', 'copy', '-bsf:v', 'noise=amount=0:drop=eq(n\\,100)'];
  const flags = ['-movflags', '+frag_keyframe+empty_moov+default_base_moof', '-copyts'];
  await run(ffmpeg, [...args, ...flags, path]);
  const problems = await verifyJoined(path, sources);
  expect(problems).toContain(`it has ${sources.frames - 1} frames, its sources ${sources.frames}`);
});

test('a fragment that is missing, twice or in another place is refused', async () => {
  const { fragments, first } = sources;
  const table = fragmentTable(fragments, first.video.id, first.initBytes);
  const pieces = (bytes: Buffer): Buffer[] =>
    fragments.map((one) => bytes.subarray(one.offset, one.offset + one.bytes));
  const built = (name: string, choose: (all: Buffer[]) => (Buffer | undefined)[]): Promise<string> =>
    changed(name, (bytes) => {
      const chosen = choose(pieces(bytes)).flatMap((piece) => piece ?? []);
      return Buffer.concat([bytes.subarray(0, first.initBytes), ...chosen, table]);
    });
  expect(await verifyJoined(await built('same.mp4', (all) => all), sources)).toEqual([]);
  for (const [name, choose] of [
    ['missing.mp4', (all: Buffer[]) => all.slice(0, -1)],
    ['twice.mp4', (all: Buffer[]) => [...all, all.at(-1)]],
    ['swapped.mp4', (all: Buffer[]) => [all[1], all[0], ...all.slice(2)]],
  ] as const) {
    expect(await verifyJoined(await built(name, choose), sources), name).not.toEqual([]);
  }
});

test('a file that was cut off or extended is refused', async () => {
  const short = join(folder.path, 'short.mp4');
  await copyFile(joined, short);
  const file = await open(short, 'r+');
  await file.truncate(sources.bytes - 1);
  await file.close();
  expect(await verifyJoined(short, sources)).not.toEqual([]);
});

test('joining, hashing and comparing show that they live, chunk by chunk', async () => {
  const { size } = await stat(joined);
  const atLeast = Math.floor(size / 65_536);
  let signs = 0;
  const again = join(folder.path, 'again.mp4');
  await joinFile(sources, again, () => (signs += 1));
  expect(signs).toBeGreaterThanOrEqual(atLeast);
  signs = 0;
  expect(await verifyJoined(again, sources, () => (signs += 1))).toEqual([]);
  expect(signs).toBeGreaterThanOrEqual(atLeast);
  signs = 0;
  await inspectSources(
    sources.parts.map(({ path }) => path),
    () => (signs += 1),
  );
  expect(signs).toBe(sources.parts.length);
});

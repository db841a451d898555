import { createHash } from 'node:crypto';
import { readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inspectSources, joinFile, joinStream } from '../../media/join.ts';
import { readIndex } from '../../media/mp4-index.ts';
import { makeFolder, packetsOf, pictures, recordMade } from './footage.ts';

let folder: { path: string; remove: () => Promise<void> };
/** Three segments of 4 s, recorded as the recorder does. */
let segments: string[];
/** The same length in another size. */
let others: string[];

beforeAll(async () => {
  folder = await makeFolder();
  segments = await recordMade(folder.path, 'segments', { gop: 60 });
  others = await recordMade(folder.path, 'others', { gop: 60, size: '640x360' });
});
afterAll(() => folder.remove());

describe('inspectSources', () => {
  it('describes the run as a whole', async () => {
    const sources = await inspectSources(segments);
    expect(sources).toMatchObject({ frames: 360, durationMs: 12_000 });
    expect(sources.facts).toMatchObject({
      codec: 'h264',
      width: 320,
      height: 180,
      fps: 30,
      keyDistanceMs: 2000,
      hasBFrames: false,
      hasAudio: false,
    });
    const sizes = await Promise.all(segments.map(async (path) => (await stat(path)).size));
    const bits = sizes.reduce((sum, bytes) => sum + bytes, 0) * 8;
    expect(Math.abs((sources.facts.bitrateKbps ?? 0) / (bits / 12_000) - 1)).toBeLessThan(0.01);
  });

  it('refuses files that do not continue each other, and says from which on', async () => {
    const [first = '', second = '', third = ''] = segments;
    await expect(inspectSources([first, third])).resolves.toMatchObject({ durationMs: 12_000 }); // a pause of 4 s
    await expect(inspectSources([first, second, first])).rejects.toMatchObject({ name: 'JoinError', at: 2 });
    await expect(inspectSources([second, second])).rejects.toMatchObject({ name: 'JoinError', at: 1 });
    await expect(inspectSources([first, others[1] ?? ''])).rejects.toThrow(/described differently/);
    await expect(inspectSources([])).rejects.toMatchObject({ name: 'JoinError', at: 0 });
  });

  it('refuses a step of the time that no pause of a recording has', async () => {
    const long = await recordMade(folder.path, 'long', { seconds: 24, gop: 60 });
    await expect(inspectSources([long[0] ?? '', long[5] ?? ''])).rejects.toThrow(/a step of 16\.000 s/);
  });
});

/** A file as a loss of power leaves it. */
async function torn(name: string, tear: (bytes: Buffer) => Buffer): Promise<string> {
  const path = join(folder.path, name);
  await writeFile(path, tear(await readFile(segments[1] ?? '')));
  return path;
}

describe('inspectSources of torn files', () => {
  it('refuses one that is cut off, and says which', async () => {
    const cut = await torn('cut.mp4', (bytes) => bytes.subarray(0, Math.floor(bytes.length * 0.6)));
    const [first = '', , third = ''] = segments;
    await expect(inspectSources([first, cut, third])).rejects.toMatchObject({ name: 'JoinError', at: 1 });
    await expect(inspectSources([first, cut, third])).rejects.toThrow(/cut off/);
  });

  it('refuses one whose end was never written', async () => {
    const begin = (await readIndex(segments[1] ?? '')).fragments[1]?.offset ?? 0;
    const empty = await torn('empty.mp4', (bytes) => Buffer.from(bytes.fill(0xff, begin)));
    const [first = '', , third = ''] = segments;
    await expect(inspectSources([first, empty, third])).rejects.toMatchObject({ name: 'JoinError', at: 1 });
    await expect(inspectSources([first, empty, third])).rejects.toThrow(/damaged/);
  });
});

describe('joinFile', () => {
  it('gives one file with all pictures, whose time runs on from the first one', async () => {
    const sources = await inspectSources(segments.slice(1));
    const target = join(folder.path, 'joined.mp4');
    const result = await joinFile(sources, target);
    const written = await readFile(target);
    expect(result).toEqual({ bytes: written.length, sha256: createHash('sha256').update(written).digest('hex') });
    const packets = await Promise.all([target, ...segments.slice(1)].map((path) => packetsOf(path)));
    const [joined = [], ...parts] = packets;
    expect(joined).toEqual(parts.flat());
    const pieces = await Promise.all(segments.slice(1).map((path) => pictures(path)));
    expect(await pictures(target)).toEqual(pieces.flat());
  });

  it('has the first init only, and one fragment table, by which a player finds every key', async () => {
    const sources = await inspectSources(segments);
    const target = join(folder.path, 'table.mp4');
    await joinFile(sources, target);
    const index = await readIndex(target);
    expect(index).toMatchObject({ initSha256: sources.first.initSha256, damage: null });
    expect(index.fragments.map(({ tfdt, offset }) => [tfdt, offset])).toEqual(
      sources.fragments.map(({ tfdt, offset }) => [tfdt, offset]),
    );
    const bytes = await readFile(target);
    expect(bytes.toString('latin1').split('moov')).toHaveLength(2);
    expect(bytes.toString('latin1').split('tfra')).toHaveLength(2);
    const table = bytes.indexOf('tfra');
    const keys = sources.fragments.filter(({ key }) => key);
    expect(bytes.readUInt32BE(table + 16)).toBe(keys.length);
    keys.forEach((key, i) => expect(Number(bytes.readBigUInt64BE(table + 28 + i * 19))).toBe(key.offset));
  });

  it('keeps sound', async () => {
    const paths = await recordMade(folder.path, 'sound', { audio: 'aac' }, 'aac');
    const sources = await inspectSources(paths);
    expect(sources.facts.hasAudio).toBe(true);
    const target = join(folder.path, 'sound.mp4');
    await joinFile(sources, target);
    const joined = await readIndex(target);
    expect(joined.audioCodec).toBe('aac');
    expect(Math.abs(joined.audioLagMs ?? Infinity)).toBeLessThan(200);
  });

  it('leaves nothing behind where a source is cut off after it was looked at', async () => {
    const copy = join(folder.path, 'shrinking.mp4');
    await writeFile(copy, await readFile(segments[0] ?? ''));
    const sources = await inspectSources([copy]);
    await truncate(copy, 20_000);
    const target = join(folder.path, 'never.mp4');
    await expect(joinFile(sources, target)).rejects.toThrow(/shorter/);
    await expect(stat(target)).rejects.toThrow(/ENOENT/);
    await expect(stat(`${target}.part`)).rejects.toThrow(/ENOENT/);
  });
});

describe('joinStream', () => {
  it('gives the bytes of the joined file up to its table', async () => {
    const sources = await inspectSources(segments);
    const target = join(folder.path, 'streamed.mp4');
    await joinFile(sources, target);
    const chunks: Buffer[] = [];
    for await (const chunk of joinStream(sources)) chunks.push(chunk as Buffer);
    const streamed = Buffer.concat(chunks);
    expect(streamed.length).toBe(sources.bytes);
    expect(streamed.equals((await readFile(target)).subarray(0, sources.bytes))).toBe(true);
  });
});

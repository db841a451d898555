import { createHash } from 'node:crypto';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkSanity, entriesOf, segmentDurationMs, totalTicks } from '../../domain/segment.ts';
import { Mp4Error } from '../../media/mp4-boxes.ts';
import { firstTfdt, followIndex, readIndex, streamFormatOf } from '../../media/mp4-index.ts';
import { ffmpeg, makeFolder, packetsOf, pictures, recordMade, run, type SourceOptions } from './footage.ts';

const limits = { maxDurationMs: 60_000 };
let folder: { path: string; remove: () => Promise<void> };

beforeAll(async () => {
  folder = await makeFolder();
});
afterAll(() => folder.remove());

const footage = (name: string, source?: SourceOptions, audio?: 'none' | 'aac') =>
  recordMade(folder.path, name, source, audio);

describe('readIndex', () => {
  it.each<[string, SourceOptions, 'none' | 'aac']>([
    ['h264', {}, 'none'],
    ['hevc', { codec: 'hevc' }, 'none'],
    ['long GOP', { gop: 240, seconds: 17 }, 'none'],
    ['short GOP', { gop: 7 }, 'none'],
    ['B-frames', { bFrames: 2 }, 'none'],
    ['AAC', { audio: 'aac' }, 'aac'],
    ['PCMU', { audio: 'pcm_mulaw' }, 'aac'],
  ])(
    'agrees with ffprobe: %s',
    async (name, source, audio) => {
      const paths = await footage(name.replace(' ', '-'), source, audio);
      expect(paths.length).toBeGreaterThan(1);
      for (const path of paths) {
        const index = await readIndex(path);
        const packets = await packetsOf(path);
        expect(index.fragments.reduce((sum, { samples }) => sum + samples, 0)).toBe(packets.length);
        let at = 0;
        for (const fragment of index.fragments) {
          const first = packets[at];
          expect(fragment.tfdt).toBe(first?.dts);
          expect(fragment.sampleBytes).toBe(first?.size);
          expect(fragment.key).toBe(first?.key);
          const next = packets[at + fragment.samples];
          if (next !== undefined) expect(fragment.tfdt + fragment.durationTicks).toBe(next.dts);
          at += fragment.samples;
        }
        const whole = index.fragments.reduce((sum, { bytes }) => sum + bytes, index.initBytes);
        expect(whole).toBe(index.wholeBytes);
        expect(checkSanity(index, limits)).toEqual([]);
        expect(index.audioCodec).toBe(audio === 'aac' ? 'aac' : null);
        expect(index.reordered).toBe((source.bFrames ?? 0) > 0);
        expect(index.fps).toBe(30);
        if (audio === 'aac') expect(Math.abs(index.audioLagMs ?? 9999)).toBeLessThan(300);
      }
    },
    60_000,
  );

  it('describes the format: RFC 6381 tag, size, one init for all files of a run', async () => {
    const [avc = '', second = ''] = await footage('format-avc', { seconds: 8, size: '640x360' });
    const format = streamFormatOf(await readIndex(avc));
    expect(format).toMatchObject({ codec: 'h264', width: 640, height: 360, fps: 30, audioCodec: null });
    expect(format.codecTag).toMatch(/^avc1\.42c0[01][0-9a-f]$/);
    const head = (await readFile(avc)).subarray(0, format.initBytes);
    expect(format.initSha256).toBe(createHash('sha256').update(head).digest('hex'));
    expect(streamFormatOf(await readIndex(second))).toEqual(format);
    const [hevc = ''] = await footage('format-hevc', { seconds: 2, codec: 'hevc', size: '640x360' });
    expect((await readIndex(hevc)).video).toMatchObject({ codecTag: 'hvc1.1.6.L63.90', width: 640, height: 360 });
  }, 60_000);

  it('knows 29.97 from 30 and gives low rates', async () => {
    const [odd = ''] = await footage('fps-odd', { fps: '30000/1001' });
    expect((await readIndex(odd)).fps).toBe(29.97);
    const [slow = ''] = await footage('fps-slow', { fps: 5, gop: 10 });
    expect((await readIndex(slow)).fps).toBe(5);
  });

  it('finds entries that decode alone and key bytes that hold a picture', async () => {
    const [path = ''] = await footage('entries', { gop: 60 });
    const index = await readIndex(path);
    const entries = entriesOf(index.fragments, index.timescale, 4000);
    expect(entries.map(({ ms }) => ms)).toEqual([2000, 2000]);
    const bytes = await readFile(path);
    const head = bytes.subarray(0, index.initBytes);
    const all = await pictures(path);
    let offset = index.initBytes;
    let shown = 0;
    for (const entry of entries) {
      const alone = join(folder.path, 'alone.mp4');
      await writeFile(alone, Buffer.concat([head, bytes.subarray(offset, offset + entry.bytes)]));
      expect(await pictures(alone)).toEqual(all.slice(shown, shown + 60));
      await writeFile(alone, Buffer.concat([head, bytes.subarray(offset, offset + entry.keyBytes)]));
      const picture = await run(ffmpeg, [
        '-v',
        'fatal',
        '-i',
        alone,
        '-frames:v',
        '1',
        '-f',
        'framehash',
        '-hash',
        'sha256',
        '-',
      ]);
      expect(picture.toString()).toContain(all[shown]);
      offset += entry.bytes;
      shown += 60;
    }
  });

  it('measures a file by the next one, and runs on from file to file', async () => {
    const paths = await footage('duration', { fps: '30000/1001', gop: 60, seconds: 13 });
    const indexes = await Promise.all(paths.map((path) => readIndex(path)));
    for (const [i, index] of indexes.slice(0, -1).entries()) {
      const next = await firstTfdt(paths[i + 1] ?? '');
      expect(next).toBe(indexes[i + 1]?.fragments[0]?.tfdt);
      const ms = segmentDurationMs(index, next, limits);
      expect(Math.abs(ms - (totalTicks(index.fragments) * 1000) / index.timescale)).toBeLessThanOrEqual(34);
    }
  });
});

describe('firstTfdt', () => {
  it('is null until the first moof is there', async () => {
    const [path = ''] = await footage('first');
    const bytes = await readFile(path);
    const index = await readIndex(path);
    const growing = join(folder.path, 'growing.mp4');
    expect(await firstTfdt(growing)).toBeNull();
    for (const length of [0, 5, index.initBytes - 1, index.initBytes, index.initBytes + 100]) {
      await writeFile(growing, bytes.subarray(0, length));
      expect(await firstTfdt(growing)).toBeNull();
    }
    await writeFile(growing, bytes.subarray(0, index.initBytes + 2000));
    expect(await firstTfdt(growing)).toBe(0);
  });
});

describe('damaged files', () => {
  let path: string;
  let bytes: Buffer;
  beforeAll(async () => {
    [path = ''] = await footage('damage');
    bytes = await readFile(path);
  });

  it('cut off anywhere: the whole fragments before the cut and nothing else', async () => {
    const index = await readIndex(path);
    const cut = join(folder.path, 'cut-off.mp4');
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: index.initBytes, max: bytes.length }), async (length) => {
        await writeFile(cut, bytes.subarray(0, length));
        const found = await readIndex(cut);
        const whole = index.fragments.filter((fragment) => fragment.offset + fragment.bytes <= length);
        expect(found.fragments).toEqual(whole);
        expect(found.wholeBytes).toBe(whole.reduce((sum, fragment) => sum + fragment.bytes, index.initBytes));
        expect(found.initSha256).toBe(index.initSha256);
        expect(found.damage).toBeNull();
      }),
      { numRuns: 60 },
    );
  });

  it('of a file that grows, each look reads on to the last whole fragment', async () => {
    const { fragments, video, initBytes } = await readIndex(path);
    const growing = join(folder.path, 'growing.mp4');
    await writeFile(growing, bytes.subarray(0, 10));
    const read = followIndex(growing);
    await expect(read()).rejects.toThrow(Mp4Error);
    for (let length = initBytes; length < bytes.length; length += Math.ceil(bytes.length / 40)) {
      await writeFile(growing, bytes.subarray(0, length));
      const whole = fragments.filter((fragment) => fragment.offset + fragment.bytes <= length);
      expect(await read()).toEqual({ video, fragments: whole });
    }
  });

  it('keeps the fragments before garbage and says what is wrong', async () => {
    const index = await readIndex(path);
    const spoilt = join(folder.path, 'spoilt.mp4');
    await writeFile(spoilt, bytes);
    const at = index.fragments[1]?.offset ?? 0;
    const file = await open(spoilt, 'r+');
    await file.write(Buffer.alloc(64, 0xee), 0, 64, at);
    await file.close();
    const found = await readIndex(spoilt);
    expect(found.fragments).toEqual(index.fragments.slice(0, 1));
    expect(found.damage).toBe(`no box at ${at}`);
  });

  it('never throws anything but Mp4Error, whatever bytes are spoilt', async () => {
    const spoilt = join(folder.path, 'fuzzed.mp4');
    const region = Math.min(bytes.length, 6000);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(region - 1), fc.nat(255)), { minLength: 1, maxLength: 12 }),
        async (changes) => {
          const copy = Buffer.from(bytes);
          for (const [at, value] of changes) copy[at] = value;
          await writeFile(spoilt, copy);
          try {
            await readIndex(spoilt);
          } catch (error) {
            expect(error).toBeInstanceOf(Mp4Error);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it.each<[string, () => Buffer | Promise<Buffer>, RegExp]>([
    ['an empty file', () => Buffer.alloc(0), /no whole moov/],
    ['a moov that is cut off', () => bytes.subarray(0, 300), /no whole moov/],
    ['text', () => Buffer.from('<html><body>404 Not Found</body></html>'), /./],
    ['zeros', () => Buffer.alloc(5000), /no box at 0/],
    [
      'an absurd moov',
      () => Buffer.concat([Buffer.from([0x7f, 0xff, 0xff, 0xff]), Buffer.from('moov')]),
      /no whole moov/,
    ],
    ['sound only', () => made('sound.mp4', ['-f', 'lavfi', '-i', 'sine', '-c:a', 'aac']), /no H.264 or H.265/],
    ['a plain MP4', () => made('plain.mp4', ['-f', 'lavfi', '-i', 'testsrc2', '-c:v', 'libx264']), /no fragmented MP4/],
  ])('refuses %s', async (_, make, message) => {
    const garbage = join(folder.path, 'garbage.mp4');
    await writeFile(garbage, await make());
    const failure = readIndex(garbage);
    await expect(failure).rejects.toBeInstanceOf(Mp4Error);
    await expect(failure).rejects.toThrow(message);
  });

  async function made(name: string, args: string[]): Promise<Buffer> {
    const target = join(folder.path, name);
    await run(ffmpeg, [
      '-v',
      'error',
      '-y',
      ...args,
      '-t',
      '1',
      ...(name === 'sound.mp4' ? ['-movflags', '+frag_keyframe+empty_moov'] : []),
      target,
    ]);
    return await readFile(target);
  }
});

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EncodeTarget, ProfileSpec } from '../../domain/profile.ts';
import { inspectSources, joinFile, type Sources } from '../../media/join.ts';
import { readIndex } from '../../media/mp4-index.ts';
import { encodeInto, recordBy, x264, x264Source } from './encoding.ts';
import { ffmpeg, makeFolder, packetsOf, pictures, recordMade, run } from './footage.ts';

let folder: { path: string; remove: () => Promise<void> };
beforeAll(async () => {
  folder = await makeFolder();
});
afterAll(() => folder.remove());

const encode = (sources: Sources, change: Partial<ProfileSpec> = {}) => encodeInto(folder.path, sources, change);

describe('encodeFile with x264', () => {
  it('goes on where the source began, frame for frame, up to where the next one begins', async () => {
    const segments = await recordMade(folder.path, 'timeline', { seconds: 22, size: '640x360' });
    const sources = await inspectSources(segments.slice(1, 4));
    const { result } = await encode(sources);
    expect(result).toMatchObject({ frames: 120, durationMs: 12_000, encoder: x264 });
    expect(result.index.startSeconds).toBe(sources.first.startSeconds);
    const ticks = result.index.fragments.map(({ tfdt }) => tfdt);
    expect(ticks).toEqual([4, 8, 12].map((seconds) => seconds * 90_000));
    const next = await readIndex(segments[4] ?? '');
    expect(next.startSeconds).toBe(result.index.startSeconds + result.durationMs / 1000);
  });

  const kinds: [string, () => Promise<Sources>, Partial<EncodeTarget> & { frames: number }][] = [
    [
      'H.265',
      async () => inspectSources(await recordMade(folder.path, 'hevc', { seconds: 8, codec: 'hevc', size: '640x360' })),
      { width: 426, height: 240, frames: 80 },
    ],
    [
      'B-frames',
      async () => inspectSources((await recordMade(folder.path, 'b', { bFrames: 2, size: '640x360' })).slice(1)),
      { width: 426, height: 240, frames: 80 },
    ],
    [
      'portrait',
      async () => inspectSources(await recordMade(folder.path, 'portrait', { size: '360x640' })),
      { width: 136, height: 240, frames: 120 },
    ],
    [
      'an odd size, 4:4:4',
      () => recordBy(join(folder.path, 'odd'), 'testsrc2=size=321x181:rate=30', [...x264Source, '-pix_fmt', 'yuv444p']),
      { width: 320, height: 180, frames: 80 },
    ],
    [
      '4:2:2',
      () => recordBy(join(folder.path, '422'), 'testsrc2=size=640x360:rate=25', [...x264Source, '-pix_fmt', 'yuv422p']),
      { width: 426, height: 240, frames: 80 },
    ],
    [
      '10 bits',
      () =>
        recordBy(
          join(folder.path, 'deep'),
          'testsrc2=size=640x360:rate=25',
          ['-c:v', 'libx265', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p10le'].concat([
            '-x265-params',
            'log-level=none:bframes=0:keyint=50:min-keyint=50:scenecut=0',
          ]),
          'hevc',
        ),
      { width: 426, height: 240, frames: 80 },
    ],
    [
      '29.97 frames a second',
      async () => inspectSources(await recordMade(folder.path, 'ntsc', { fps: '30000/1001' })),
      { width: 320, height: 180, frames: 120 },
    ],
    [
      'a slow camera, whose frames are all kept',
      async () => inspectSources(await recordMade(folder.path, 'slow', { fps: 5, gop: 50 })),
      { width: 320, height: 180, fps: 5, resample: false, frames: 60 },
    ],
  ];

  it.each(kinds)('takes %s', async (_, source, expected) => {
    const sources = await source();
    const { result, target, output } = await encode(sources);
    const { frames, ...asked } = expected;
    expect(target).toMatchObject(asked);
    expect(result.index.video).toMatchObject({ codec: 'h264', width: asked.width, height: asked.height });
    expect(Math.abs(result.frames - frames)).toBeLessThanOrEqual(1);
    // Decodes without a complaint, first picture a key, keys 4 s apart at most.
    expect(await pictures(output)).toHaveLength(result.frames);
    const packets = await packetsOf(output);
    expect(packets[0]?.key).toBe(true);
    const keys = packets.filter(({ key }) => key).map(({ dts }) => dts / 90_000);
    keys.slice(1).forEach((seconds, i) => expect(seconds - (keys[i] ?? 0)).toBeLessThanOrEqual(4.001));
  });

  it('fills a variable rate to the asked one, and keeps it where no rate is asked for', async () => {
    // 30 fps with jitter for 4 s, then every tenth frame: as smart codecs do when nothing moves.
    const camera = "select='lt(t,4)+not(mod(n,10))',settb=1/1000,setpts=PTS+9*mod(N\\,3)";
    const sources = await recordBy(join(folder.path, 'vfr'), `testsrc2=size=640x360:rate=30,${camera}`, [
      '-fps_mode',
      'passthrough',
      '-enc_time_base',
      '1:1000',
      ...x264Source.map((arg) => (arg === '60' ? '30' : arg)),
    ]);
    const filled = await encode(sources);
    expect(filled.result.frames).toBe(Math.round(sources.durationMs / 100));
    expect(filled.result.frames).toBeGreaterThan(70);
    const kept = await encode(sources, { fps: null });
    expect(kept.target.resample).toBe(false);
    expect(kept.result.frames).toBe(sources.frames);
    const times = async (path: string) => {
      const { timescale } = await readIndex(path);
      return (await packetsOf(path)).map(({ dts }) => (dts * 1000) / timescale);
    };
    const joined = join(folder.path, 'vfr-joined.mp4');
    await joinFile(sources, joined);
    const [own, original] = [await times(kept.output), await times(joined)];
    expect(own).toHaveLength(original.length);
    own.forEach((ms, i) => expect(Math.abs(ms - (original[i] ?? 0))).toBeLessThanOrEqual(1));
  });

  it('takes a camera that paused in the midst of a GOP', async () => {
    const sources = await recordBy(
      join(folder.path, 'pause'),
      "testsrc2=size=640x360:rate=30,select='lt(t,1.5)+gt(t,6.5)'",
      [...x264Source, '-fps_mode', 'passthrough'],
    );
    expect(sources.facts.keyDistanceMs).toBeGreaterThan(6000);
    const filled = await encode(sources);
    expect(filled.result.frames).toBe(Math.round(sources.durationMs / 100));
    const kept = await encode(sources, { fps: null });
    expect(kept.result.frames).toBe(sources.frames);
  });

  it('keeps the sound as it is', async () => {
    const segments = await recordMade(folder.path, 'sound', { audio: 'aac', size: '640x360' }, 'aac');
    const sources = await inspectSources(segments);
    const { output, result } = await encode(sources, { audio: 'aac' });
    expect(result.index).toMatchObject({ audioCodec: 'aac' });
    const sound = async (path: string) =>
      (await run(ffmpeg, ['-v', 'error', '-i', path, '-map', '0:a', '-c', 'copy', '-f', 'md5', '-'])).toString('utf8');
    const joined = join(folder.path, 'sound-joined.mp4');
    await joinFile(sources, joined);
    expect(await sound(output)).toBe(await sound(joined));
    expect((await encode(sources)).result.index.audioCodec).toBeNull();
  });

  it('holds the bitrate on footage that would take more', async () => {
    const noisy = 'testsrc2=size=640x360:rate=30,noise=alls=40:allf=t';
    const sources = await recordBy(join(folder.path, 'noisy'), noisy, [...x264Source, '-pix_fmt', 'yuv420p']);
    expect(sources.facts.bitrateKbps).toBeGreaterThan(2000);
    const { result } = await encode(sources, { bitrateKbps: 400 });
    expect((result.bytes * 8) / result.durationMs).toBeLessThan(400 * 1.15 + 100);
  });
});

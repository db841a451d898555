import { execFile, spawn } from 'node:child_process';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeTarget, type EncodeTarget, type ProfileSpec } from '../../domain/profile.ts';
import { encodeArguments } from '../../media/encode-arguments.ts';
import { encodeFile, type EncodeResult } from '../../media/encode-file.ts';
import { inspectSources, joinFile, type Sources } from '../../media/join.ts';
import { readIndex } from '../../media/mp4-index.ts';
import { verifyFinal } from '../../media/verify-final.ts';
import { ffmpeg, makeFolder, packetsOf, pictures, record, recordMade, run } from './footage.ts';

let folder: { path: string; remove: () => Promise<void> };
const x264 = { kind: 'x264', device: null } as const;
const profile: ProfileSpec = { mode: 'encode', height: 240, fps: 10, bitrateKbps: 500, audio: 'none' };

beforeAll(async () => {
  folder = await makeFolder();
});
afterAll(() => folder.remove());

let count = 0;
async function encode(
  sources: Sources,
  change: Partial<ProfileSpec> = {},
): Promise<{ result: EncodeResult; target: EncodeTarget; output: string }> {
  const target = encodeTarget({ ...profile, ...change }, sources.facts);
  const output = join(folder.path, `final-${count++}.mp4`);
  const result = await encodeFile({ ffmpeg, encoder: x264, sources, target, output });
  return { result, target, output };
}

/** A source by other arguments than `makeSource` has, recorded as the recorder does. */
async function recordBy(name: string, input: string, encoder: readonly string[], codec: 'h264' | 'hevc' = 'h264') {
  const dir = join(folder.path, name);
  await mkdir(dir);
  const source = join(dir, 'source.mkv');
  await run(ffmpeg, ['-v', 'error', '-y', '-f', 'lavfi', '-i', input, '-t', '8', ...encoder, source]);
  return inspectSources(await record(source, { dir, codec }));
}

const x264Source = ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '0', '-g', '60', '-sc_threshold', '0'];

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
      async () => inspectSources(await recordMade(folder.path, 'hevc', { codec: 'hevc', size: '640x360' })),
      { width: 426, height: 240, frames: 120 },
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
      () => recordBy('odd', 'testsrc2=size=321x181:rate=30', [...x264Source, '-pix_fmt', 'yuv444p']),
      { width: 320, height: 180, frames: 80 },
    ],
    [
      '4:2:2',
      () => recordBy('422', 'testsrc2=size=640x360:rate=25', [...x264Source, '-pix_fmt', 'yuv422p']),
      { width: 426, height: 240, frames: 80 },
    ],
    [
      '10 bits',
      () =>
        recordBy(
          'deep',
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
    const sources = await recordBy('vfr', `testsrc2=size=640x360:rate=30,${camera}`, [
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
    const sources = await recordBy('pause', "testsrc2=size=640x360:rate=30,select='lt(t,1.5)+gt(t,6.5)'", [
      ...x264Source,
      '-fps_mode',
      'passthrough',
    ]);
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
    const sources = await recordBy('noisy', noisy, [...x264Source, '-pix_fmt', 'yuv420p']);
    expect(sources.facts.bitrateKbps).toBeGreaterThan(2000);
    const { result } = await encode(sources, { bitrateKbps: 400 });
    expect((result.bytes * 8) / result.durationMs).toBeLessThan(400 * 1.15 + 100);
  });
});

describe('quality against the source', () => {
  const measure = async (source: string, final: string, filter: 'ssim' | 'psnr', shift = 0): Promise<number> => {
    const log = join(folder.path, `${filter}-${count++}.log`);
    // settb on both sides: without it a good encode scores 25 dB.
    const graph =
      '[0:v]fps=10,scale=1280:720:flags=fast_bilinear,format=yuv420p,settb=AVTB,setpts=N/10/TB[a];' +
      `[1:v]trim=start_frame=${shift},settb=AVTB,setpts=N/10/TB[b];[a][b]${filter}=shortest=1:stats_file=${log}`;
    await run(ffmpeg, ['-v', 'error', '-i', source, '-i', final, '-lavfi', graph, '-f', 'null', '-']);
    const values = [
      ...(await readFile(log, 'utf8')).matchAll(filter === 'ssim' ? /All:([\d.]+)/g : /psnr_y:([\d.]+)/g),
    ];
    expect(values.length).toBeGreaterThan(60);
    return values.reduce((sum, [, value]) => sum + Number(value), 0) / values.length;
  };

  it('is SSIM 0.96 and 37 dB or better, and a starved or shifted encode is not', async () => {
    const dir = join(folder.path, 'quality');
    await mkdir(dir);
    const path = join(dir, 'source.mkv');
    const rate = ['-b:v', '8M', '-maxrate', '8M', '-bufsize', '8M'];
    const encoder = [...x264Source, ...rate, '-pix_fmt', 'yuv420p'];
    const scene = 'testsrc2=size=1920x1080:rate=30';
    await run(ffmpeg, ['-v', 'error', '-y', '-f', 'lavfi', '-i', scene, '-t', '8', ...encoder, path]);
    const sources = await inspectSources(await record(path, { dir }));
    const source = join(dir, 'joined.mp4');
    await joinFile(sources, source);
    const good = await encode(sources, { height: 720, bitrateKbps: 1000 });
    const starved = join(dir, 'starved.mp4');
    const args = encodeArguments({
      encoder: x264,
      decode: 'cpu',
      target: { ...good.target, bitrateKbps: 60 },
      source: sources.facts,
      startSeconds: 0,
      input: source,
      output: starved,
    });
    await run(ffmpeg, args);
    expect(await measure(source, good.output, 'ssim')).toBeGreaterThanOrEqual(0.96);
    expect(await measure(source, good.output, 'psnr')).toBeGreaterThanOrEqual(37);
    // What must fail does: one frame late, and too few bits.
    expect(await measure(source, good.output, 'ssim', 1)).toBeLessThan(0.96);
    expect(await measure(source, good.output, 'psnr', 1)).toBeLessThan(37);
    expect(await measure(source, starved, 'ssim')).toBeLessThan(0.96);
    expect(await measure(source, starved, 'psnr')).toBeLessThan(37);
  });
});

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

describe('an encode that is disturbed', () => {
  /** Long enough to be caught at work. */
  let sources: Sources;
  beforeAll(async () => {
    sources = await inspectSources(await recordMade(folder.path, 'long', { seconds: 40, size: '1280x720' }));
  });

  const processes = async (mark: string): Promise<number[]> => {
    const { stdout } = await promisify(execFile)('ps', ['-eo', 'pid,comm,args', '--no-headers']);
    return stdout
      .split('\n')
      .filter((line) => /^ *\d+ ffmpeg /.test(line) && line.includes(mark))
      .map((line) => Number(line.trim().split(' ')[0]));
  };
  const until = async (isSo: () => Promise<boolean>): Promise<void> => {
    for (let tries = 0; !(await isSo()); tries++) {
      if (tries > 300) throw new Error('it did not come to that within 30 s');
      await sleep(100);
    }
  };
  const start = (output: string, signal?: AbortSignal) =>
    encodeFile({
      ffmpeg,
      encoder: x264,
      sources,
      target: encodeTarget(profile, sources.facts),
      output,
      ...(signal === undefined ? {} : { signal }),
    }).catch((error: unknown) => error);

  it('says so when ffmpeg is killed, leaves no file, and works again', async () => {
    const output = join(folder.path, 'killed-final.mp4');
    const encoding = start(output);
    await until(async () => (await processes(output)).length > 0);
    for (const pid of await processes(output)) process.kill(pid, 'SIGKILL');
    expect(await encoding).toMatchObject({ failure: 'killed', action: 'give-up' });
    await expect(stat(output)).rejects.toThrow(/ENOENT/);
    expect(await start(output)).toMatchObject({ frames: 400 });
  });

  it('ends at once when it is called off', async () => {
    const output = join(folder.path, 'aborted-final.mp4');
    const off = new AbortController();
    const encoding = start(output, off.signal);
    await until(async () => (await processes(output)).length > 0);
    off.abort();
    expect(await encoding).toMatchObject({ failure: 'aborted', action: 'retry-later' });
    await until(async () => (await processes(output)).length === 0);
    await expect(stat(output)).rejects.toThrow(/ENOENT/);
  });

  it('leaves no ffmpeg behind when its worker is killed: the input ends with it', async () => {
    const output = join(folder.path, 'orphan-final.mp4');
    const script = join(folder.path, 'worker.mts');
    const module = (name: string): string =>
      JSON.stringify(fileURLToPath(new URL(`../../media/${name}`, import.meta.url)));
    const paths = JSON.stringify(sources.parts.map(({ path }) => path));
    await writeFile(
      script,
      `import { encodeFile } from ${module('encode-file.ts')};
       import { inspectSources } from ${module('join.ts')};
       const sources = await inspectSources(${paths});
       const target = ${JSON.stringify(encodeTarget(profile, sources.facts))};
       await encodeFile({ ffmpeg: ${JSON.stringify(ffmpeg)}, encoder: ${JSON.stringify(x264)}, sources, target,
         output: ${JSON.stringify(output)} });`,
    );
    const worker = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), script], { stdio: 'ignore' });
    await until(async () => (await processes(output)).length > 0);
    worker.kill('SIGKILL');
    const killedAt = performance.now();
    await until(async () => (await processes(output)).length === 0);
    expect(performance.now() - killedAt).toBeLessThan(30_000);
    await rm(output, { force: true });
  });

  it('blames a source that cannot be read, and does not show where it lies', async () => {
    const path = join(folder.path, 'gone.mp4');
    await writeFile(path, await readFile(sources.parts[0]?.path ?? ''));
    const gone = await inspectSources([path]);
    await rm(path);
    const target = encodeTarget(profile, gone.facts);
    const output = join(folder.path, 'gone-final.mp4');
    const error: unknown = await encodeFile({ ffmpeg, encoder: x264, sources: gone, target, output }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({
      failure: 'bad-source',
      action: 'give-up',
      message: 'A source could not be read: ENOENT',
    });
  });
});

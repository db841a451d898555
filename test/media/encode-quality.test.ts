import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProfileSpec } from '../../domain/profile.ts';
import { encodeArguments } from '../../media/encode-arguments.ts';
import { inspectSources, joinFile, type Sources } from '../../media/join.ts';
import { encodeInto, x264, x264Source } from './encoding.ts';
import { ffmpeg, makeFolder, record, run } from './footage.ts';

let folder: { path: string; remove: () => Promise<void> };
beforeAll(async () => {
  folder = await makeFolder();
});
afterAll(() => folder.remove());

const encode = (sources: Sources, change: Partial<ProfileSpec> = {}) => encodeInto(folder.path, sources, change);

let logs = 0;

describe('quality against the source', () => {
  const measure = async (source: string, final: string, filter: 'ssim' | 'psnr', shift = 0): Promise<number> => {
    const log = join(folder.path, `${filter}-${logs++}.log`);
    // settb on both sides: without it a good encode scores 25 dB.
    const graph =
      '[0:v]fps=10,scale=1280:720:flags=fast_bilinear,format=yuv420p,settb=AVTB,setpts=N/10/TB[a];' +
      `[1:v]trim=start_frame=${shift},settb=AVTB,setpts=N/10/TB[b];[a][b]${filter}=shortest=1:stats_file=${log}`;
    await run(ffmpeg, ['-v', 'error', '-i', source, '-i', final, '-lavfi', graph, '-f', 'null', '-']);
    const values = [
      ...(await readFile(log, 'utf8')).matchAll(filter === 'ssim' ? /All:([\d.]+)/g : /psnr_y:([\d.]+)/g),
    ];
    expect(values.length).toBeGreaterThan(40);
    return values.reduce((sum, [, value]) => sum + Number(value), 0) / values.length;
  };

  it('is SSIM 0.96 and 37 dB or better, and a starved or shifted encode is not', async () => {
    const dir = join(folder.path, 'quality');
    await mkdir(dir);
    const path = join(dir, 'source.mkv');
    const rate = ['-b:v', '8M', '-maxrate', '8M', '-bufsize', '8M'];
    const encoder = [...x264Source, ...rate, '-pix_fmt', 'yuv420p'];
    const scene = 'testsrc2=size=1920x1080:rate=30';
    await run(ffmpeg, ['-v', 'error', '-y', '-f', 'lavfi', '-i', scene, '-t', '5', ...encoder, path]);
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

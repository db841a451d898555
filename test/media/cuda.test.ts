import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeTarget, type EncodeTarget } from '../../domain/profile.ts';
import { encodeArguments } from '../../media/encode-arguments.ts';
import { createEncodeClassifier } from '../../media/encode-errors.ts';
import { runTool } from '../../media/ffmpeg.ts';
import { inspectSources, joinFile } from '../../media/join.ts';
import { ffmpeg, makeFolder, recordMade, run, type SourceOptions } from './footage.ts';

// Cards without an encoder (H100) decode and scale too, so the GPU's half of the NVENC command is run wherever there is
// a CUDA device, and x264 stands where the encoder would.
let folder: { path: string; remove: () => Promise<void> };
let isDeviceThere: boolean;

beforeAll(async () => {
  folder = await makeFolder();
  // The smallest footage: what the tests look at costs more to make than most of them, and is not made for nothing.
  isDeviceThere = (await decodeOnDevice('any', { seconds: 1 })) !== null;
});
afterAll(() => folder.remove());

/** The NVENC command with its frames taken back to the CPU. */
function withX264(args: readonly string[]): string[] {
  const filter = args.indexOf('-vf') + 1;
  const encoder = args.indexOf('-c:v');
  const keys = args.indexOf('-g');
  return [
    ...args.slice(0, filter),
    `${args[filter]},hwdownload,format=yuv420p`,
    ...args.slice(filter + 1, encoder),
    '-c:v',
    'libx264',
    '-preset',
    'superfast',
    '-bf',
    '0',
    '-b:v',
    '2M',
    ...args.slice(keys),
  ];
}

/** Makes footage and encodes it so. @returns null where there is no CUDA device */
async function decodeOnDevice(
  name: string,
  source: SourceOptions,
): Promise<{ dir: string; joined: string; output: string; target: EncodeTarget } | null> {
  const dir = join(folder.path, name.replaceAll(/[^\w]/g, ''));
  await mkdir(dir);
  const sources = await inspectSources(await recordMade(dir, 'source', source));
  const joined = join(dir, 'joined.mp4');
  await joinFile(sources, joined);
  const profile = { mode: 'encode', height: 360, fps: 10, bitrateKbps: 2000, audio: 'none' } as const;
  const target = encodeTarget(profile, sources.facts);
  const output = join(dir, 'final.mp4');
  const classifier = createEncodeClassifier();
  const result = await runTool({
    binary: ffmpeg,
    args: withX264(
      encodeArguments({
        encoder: { kind: 'nvenc', device: '0' },
        decode: 'gpu',
        target,
        source: sources.facts,
        startSeconds: 0,
        input: joined,
        output,
      }),
    ),
    timeoutMs: 60_000,
    onStderr: (line) => classifier.push(line),
  });
  if (result.code === 0) return { dir, joined, output, target };
  expect(['no-driver', 'no-device']).toContain(classifier.result()?.failure);
  return null;
}

describe('decoding and scaling on a CUDA device', () => {
  it.for<[string, SourceOptions]>([
    ['H.264', { size: '1280x720' }],
    ['H.265', { size: '1280x720', codec: 'hevc' }],
    ['a size that is no multiple of 16', { size: '854x480' }],
  ])('gives the pictures the CPU gives, of %s', async ([name, source], { skip }) => {
    skip(!isDeviceThere, 'there is no CUDA device');
    const decoded = await decodeOnDevice(name, { ...source, seconds: 8 });
    if (decoded === null) throw new Error('the CUDA device is gone');
    const { dir, joined, output, target } = decoded;
    const log = join(dir, 'psnr.log');
    const graph =
      `[0:v]fps=10,scale=${target.width}:${target.height},format=yuv420p,settb=AVTB,setpts=N/10/TB[a];` +
      `[1:v]settb=AVTB,setpts=N/10/TB[b];[a][b]psnr=shortest=1:stats_file=${log}`;
    await run(ffmpeg, ['-v', 'error', '-i', joined, '-i', output, '-lavfi', graph, '-f', 'null', '-']);
    const values = [...(await readFile(log, 'utf8')).matchAll(/psnr_y:([\d.]+)/g)].map(([, value]) => Number(value));
    expect(values).toHaveLength(80);
    // The scalers differ in their filters, so less than against one's own: a shifted frame scores 20.
    expect(values.reduce((sum, value) => sum + value, 0) / values.length).toBeGreaterThan(28);
  });
});

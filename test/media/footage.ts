import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { recordArguments, type RecordOptions } from '../../media/ffmpeg-arguments.ts';
import { runTool } from '../../media/ffmpeg.ts';
import { counterFilter } from '../support/camera/loop-arguments.ts';

export const ffmpeg = process.env['FRAMEKEEP_FFMPEG'] ?? 'ffmpeg';
export const ffprobe = process.env['FRAMEKEEP_FFPROBE'] ?? 'ffprobe';

/** A folder of its own for a test file. */
export async function makeFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'framekeep-media-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** Runs ffmpeg or ffprobe and gives its stdout. @throws Error with its last words where it fails or complains */
export async function run(binary: string, args: readonly string[]): Promise<Buffer> {
  const result = await runTool({ binary, args, timeoutMs: 60_000, maxStdoutBytes: 64 * 1024 * 1024 });
  if (result.cause !== 'exit' || result.code !== 0 || result.stderr.length > 0) {
    throw new Error(`${binary} ended by ${result.cause} ${result.code}: ${result.stderr.join('\n')}`);
  }
  return result.stdout;
}

export interface SourceOptions {
  codec?: 'h264' | 'hevc';
  seconds?: number;
  fps?: number | string;
  gop?: number;
  bFrames?: number;
  size?: string;
  audio?: 'aac' | 'pcm_mulaw';
  /** With the frame counter that `readFrameCounters` reads. */
  counter?: boolean;
}

/** Makes a source file; its pictures differ from frame to frame. */
export async function makeSource(path: string, options: SourceOptions = {}): Promise<void> {
  const { codec = 'h264', seconds = 12, fps = 30, gop = 60, bFrames = 0, size = '320x180', audio, counter } = options;
  const encoder =
    codec === 'h264'
      ? ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', String(bFrames), '-g', String(gop), '-sc_threshold', '0']
      : [
          '-c:v',
          'libx265',
          '-preset',
          'ultrafast',
          '-x265-params',
          `log-level=none:bframes=${bFrames}:keyint=${gop}:min-keyint=${gop}:scenecut=0`,
        ];
  const sound =
    audio === undefined ? [] : ['-c:a', audio, '-ac', '1', ...(audio === 'aac' ? ['-ar', '16000'] : ['-ar', '8000'])];
  const input = audio === undefined ? [] : ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=16000'];
  const picture = `testsrc2=size=${size}:rate=${fps}`;
  const shown = counter === true ? `${picture},format=yuv420p,${counterFilter()}` : picture;
  await run(
    ffmpeg,
    [
      ['-v', 'error', '-y', '-f', 'lavfi', '-i', shown, ...input],
      ['-t', String(seconds), ...encoder, '-pix_fmt', 'yuv420p', '-threads', '2', ...sound, path],
    ].flat(),
  );
}

/** The recorder's own arguments with a file in the camera's place; as fast as it can unless `realTime`. */
export function argumentsFor(
  source: string,
  options: Partial<RecordOptions> & { dir: string; realTime?: boolean },
): string[] {
  const { realTime = false, ...given } = options;
  const args = recordArguments({
    url: source,
    segmentSeconds: 4,
    codec: 'h264',
    audio: 'none',
    audioCodec: null,
    timeoutMs: 5000,
    ...given,
  });
  const input = args.indexOf('-rtsp_transport');
  const map = args.indexOf('-i');
  return [...args.slice(0, input), ...(realTime ? ['-re'] : []), ...args.slice(map)].map((arg) =>
    arg === 'pipe:3' ? 'pipe:2' : arg,
  );
}

/** Records a file and gives the paths of its segments in order. */
export async function record(source: string, options: Partial<RecordOptions> & { dir: string }): Promise<string[]> {
  const result = await runTool({ binary: ffmpeg, args: argumentsFor(source, options), timeoutMs: 60_000 });
  if (result.code !== 0) throw new Error(result.stderr.join('\n'));
  const names = (await readdir(options.dir)).filter((name) => /^\d+\.mp4$/.test(name));
  return names
    .toSorted((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
    .map((name) => join(options.dir, name));
}

/** Makes a source, records it into a folder of its own and gives the paths of its segments. */
export async function recordMade(
  parent: string,
  name: string,
  source: SourceOptions = {},
  audio: 'none' | 'aac' = 'none',
): Promise<string[]> {
  const dir = join(parent, name);
  await mkdir(dir);
  const path = join(dir, 'source.mkv');
  await makeSource(path, source);
  return await record(path, { dir, codec: source.codec ?? 'h264', audio, audioCodec: source.audio ?? null });
}

export interface Packet {
  /** In ticks of the stream. */
  dts: number;
  size: number;
  key: boolean;
}

/** The video packets of a file as ffprobe reads them. */
export async function packetsOf(path: string): Promise<Packet[]> {
  const args = [
    '-v',
    'error',
    '-select_streams',
    'v',
    '-show_entries',
    'packet=dts,size,flags',
    '-of',
    'csv=p=0',
    path,
  ];
  const text = (await run(ffprobe, args)).toString('utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [dts, size, flags = ''] = line.split(',');
      return { dts: Number(dts), size: Number(size), key: flags.startsWith('K') };
    });
}

/** The SHA-256 of each decoded picture; fails where the decoder complains. */
export async function pictures(path: string): Promise<string[]> {
  const args = [
    '-v',
    'error',
    '-i',
    path,
    '-map',
    '0:v',
    '-f',
    'framehash',
    '-hash',
    'sha256',
    '-fps_mode',
    'passthrough',
    '-',
  ];
  const text = (await run(ffmpeg, args)).toString('utf8');
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(',').at(-1)?.trim() ?? '');
}

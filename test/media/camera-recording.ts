import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { recordArguments, type RecordOptions } from '../../media/ffmpeg-arguments.ts';
import { startFfmpeg, type FfmpegExit } from '../../media/ffmpeg.ts';
import { readIndex, type SegmentIndex } from '../../media/mp4-index.ts';
import type { SimulatedCamera } from '../support/camera/start-camera.ts';
import { ffmpeg } from './footage.ts';

export interface Recording {
  exit: FfmpegExit;
  stderr: readonly string[];
  paths: string[];
  indexes: SegmentIndex[];
}

/** Records a path of a camera into a folder of its own, for a time or until ffmpeg ends by itself. */
export async function recordCamera(
  folder: string,
  camera: SimulatedCamera,
  path: string,
  forMs: number,
  options: Partial<RecordOptions> = {},
): Promise<Recording> {
  const dir = join(folder, `${camera.port}`, path);
  await mkdir(dir, { recursive: true });
  const args = recordArguments({
    url: camera.url(path),
    dir,
    segmentSeconds: 2,
    codec: 'h264',
    audio: 'none',
    audioCodec: null,
    timeoutMs: 5000,
    ...options,
  });
  const run = startFfmpeg({ binary: ffmpeg, args });
  const ended = new AbortController();
  void run.exited.then(() => ended.abort());
  await sleep(forMs, undefined, { signal: ended.signal }).catch(() => undefined);
  const exit = await run.stop();
  const names = (await readdir(dir)).toSorted((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
  const paths = names.map((name) => join(dir, name));
  return { exit, stderr: run.stderr(), paths, indexes: await Promise.all(paths.map((file) => readIndex(file))) };
}

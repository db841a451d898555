import { join } from 'node:path';
import { readRecorded, type RecordedFile } from '../../api/committed-footage.ts';
import { ffmpeg, makeFolder, record, run } from '../../media/footage.ts';
import { counterFilter } from '../../support/camera/loop-arguments.ts';

export interface CountedFootage {
  fps: number;
  /** Segments in order; the frames of all of them are counted on in their pictures. */
  files: RecordedFile[];
}

/** Footage as the recorder's ffmpeg writes it, with a frame counter in the picture that a browser can read. */
export async function makeCountedFootage(options: {
  seconds: number;
  codec?: 'h264' | 'hevc';
  size?: string;
  fps?: number;
  segmentSeconds?: number;
  picture?: string;
}): Promise<CountedFootage> {
  const { seconds, codec = 'h264', size = '320x180', fps = 15, segmentSeconds = 4, picture = 'testsrc2' } = options;
  const folder = await makeFolder();
  try {
    const source = join(folder.path, 'source.mp4');
    const encoder =
      codec === 'h264' ? ['libx264', '-preset', 'ultrafast', '-bf', '0'] : ['libx265', '-preset', 'ultrafast'];
    const hevc = codec === 'hevc' ? ['-x265-params', `log-level=none:bframes=0:keyint=${2 * fps}:scenecut=0`] : [];
    const input = ['-f', 'lavfi', '-i', `${picture}=size=${size}:rate=${fps},format=yuv420p,${counterFilter()}`];
    const gop = ['-g', `${2 * fps}`, '-sc_threshold', '0'];
    const output = ['-t', `${seconds}`, '-c:v', ...encoder, ...hevc, ...gop, source];
    await run(ffmpeg, ['-v', 'error', '-y', ...input, ...output]);
    const paths = await record(source, { dir: folder.path, codec, segmentSeconds });
    return { fps, files: await Promise.all(paths.map(readRecorded)) };
  } finally {
    await folder.remove();
  }
}

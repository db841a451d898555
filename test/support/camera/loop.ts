import { generated } from './loop-cache.ts';
import { loopArguments, loopOptions, type LoopOptions } from './loop-arguments.ts';
import { isDelimiter, isKeySlice, isParameterSet, splitNals } from './nal-units.ts';
import { packetise, type Packets } from './packets.ts';

export const videoPayloadType = 96;

/** One picture of a loop, in decoding order. */
export interface AccessUnit {
  /** What the picture's counter shows: its place in display order. */
  counter: number;
  key: boolean;
  packets: Packets;
}

/** A pre-encoded, pre-packetised stream that can be repeated for ever. */
export interface Loop {
  options: LoopOptions;
  /** VPS, SPS, PPS as far as the codec has them, in this order. */
  parameterSets: Buffer[];
  units: AccessUnit[];
}

const loaded = new Map<string, Promise<Loop>>();

/** The loop with these options, from the cache or encoded now; shared within the process. */
export function loadLoop(options: Partial<LoopOptions> = {}, ffmpeg = 'ffmpeg'): Promise<Loop> {
  const full = loopOptions(options);
  const key = JSON.stringify(full);
  const loop = loaded.get(key) ?? readLoop(full, ffmpeg);
  loaded.set(key, loop);
  return loop;
}

async function readLoop(options: LoopOptions, ffmpeg: string): Promise<Loop> {
  if (90_000 % options.fps !== 0) throw new Error(`fps ${options.fps} does not divide 90000`);
  const names = ['video', 'index'];
  const [video, index] = await generated(ffmpeg, loopArguments(options, true), names).catch((error: unknown) => {
    if (options.title === '') throw error;
    return generated(ffmpeg, loopArguments(options, false), names); // no font on this machine: no text
  });
  if (video === undefined || index === undefined) throw new Error('ffmpeg made no loop');
  return parseLoop(options, video, index.toString('latin1'));
}

function parseLoop(options: LoopOptions, video: Buffer, index: string): Loop {
  const { codec } = options;
  const rows = index.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  let at = 0;
  let parameterSets: Buffer[] = [];
  const units = rows.map((row) => {
    const [, , pts, , size] = row.split(',').map(Number);
    if (pts === undefined || size === undefined) throw new Error(`not a framecrc line: ${row}`);
    const nals = splitNals(video.subarray(at, at + size)).filter((nal) => !isDelimiter(nal, codec));
    at += size;
    if (parameterSets.length === 0) parameterSets = nals.filter((nal) => isParameterSet(nal, codec));
    const key = nals.some((nal) => isKeySlice(nal, codec));
    return { counter: pts, key, packets: packetise(nals, codec, videoPayloadType) };
  });
  if (at !== video.length || units.length !== options.frames) {
    throw new Error(`the loop has ${units.length} frames in ${at} bytes, not ${options.frames} in ${video.length}`);
  }
  return { options, parameterSets, units };
}

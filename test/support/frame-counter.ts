import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** One pixel a square: white guard, black guard, 16 bits. */
const squares = 18;
/** After stdin, stdout and stderr. */
const firstPipe = 3;

/** As many are decoded by one ffmpeg: its start costs 70 ms of CPU, the pictures of a file of 2 s cost 15 ms. */
export const filesAtOnce = 16;

/**
 * What the frame counters in the pictures of one file, or of several that are decoded one by one, show; in display
 * order.
 * @throws Error when ffmpeg has anything to complain about, or a picture has no counter
 */
export async function readFrameCounters(
  files: string | string[],
  options: { ffmpeg?: string } = {},
): Promise<number[]> {
  const read = await tryFrameCounters([files].flat(), options);
  return read.flatMap((counters) => {
    if (counters instanceof Error) throw counters;
    return counters;
  });
}

/** As readFrameCounters; of each file its own counters, or what is wrong with it. */
export async function tryFrameCounters(
  files: readonly string[],
  { ffmpeg = 'ffmpeg' }: { ffmpeg?: string } = {},
): Promise<(number[] | Error)[]> {
  const read: (number[] | Error)[] = [];
  for (let at = 0; at < files.length; at += filesAtOnce) {
    const some = files.slice(at, at + filesAtOnce);
    // Together they cannot tell whose complaint it is.
    const decoded = some.length === 1 ? null : await decode(some, ffmpeg).catch(() => null);
    for (const [place, file] of some.entries()) {
      read.push(await countersIn(file, decoded?.[place] ?? decode([file], ffmpeg).then(([pixels]) => pixels)));
    }
  }
  return read;
}

async function countersIn(
  file: string,
  decoded: Buffer | undefined | Promise<Buffer | undefined>,
): Promise<number[] | Error> {
  try {
    const pixels = (await decoded) ?? Buffer.alloc(0);
    return Array.from({ length: Math.ceil(pixels.length / squares) }, (_, picture) =>
      counterOf(pixels.subarray(picture * squares, (picture + 1) * squares), `picture ${picture} of ${file}`),
    );
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** The squares of each file's pictures, one byte each. */
async function decode(files: readonly string[], ffmpeg: string): Promise<Buffer[]> {
  const filter = `crop=${squares * 16}:16:0:0,scale=${squares}:1:flags=area,format=gray`;
  const inputs = files.flatMap((file) => ['-threads', '1', '-i', file]);
  const outputs = files.flatMap((_, place) => {
    const decoded = ['-map', `${place}:v:0`, '-vf', filter, '-fps_mode', 'passthrough'];
    return [...decoded, '-f', 'rawvideo', `pipe:${firstPipe + place}`];
  });
  const child = spawn(ffmpeg, ['-nostdin', '-v', 'error', ...inputs, ...outputs], {
    stdio: ['ignore', 'ignore', 'pipe', ...files.map(() => 'pipe' as const)],
  });
  const pixels: Buffer[][] = files.map(() => []);
  for (const [place, held] of pixels.entries()) {
    child.stdio[firstPipe + place]?.on('data', (bytes: Buffer) => held.push(bytes));
  }
  let complaints = '';
  child.stderr?.on('data', (bytes: Buffer) => (complaints += bytes.toString()));
  await once(child, 'close');
  const code = child.exitCode;
  if (code !== 0 || complaints !== '') throw new Error(`${files.join(', ')} does not decode (${code}): ${complaints}`);
  return pixels.map((held) => Buffer.concat(held));
}

function counterOf(row: Buffer, where: string): number {
  const [white = 0, black = 255, ...bits] = row;
  if (row.length !== squares || white < 160 || black > 96) throw new Error(`${where} has no frame counter`);
  return bits.reduce((sum, level, bit) => sum + (level > 128 ? 2 ** bit : 0), 0);
}

/** How a run of counters went on. */
export interface FrameReport {
  /** Counted on across repetitions of the loop. */
  indexes: number[];
  /** Indexes that were skipped. */
  missing: number[];
  duplicated: number[];
  /** Indexes that came after a later one. */
  reordered: number[];
}

/**
 * Counts frame counters on across repetitions of a loop: each is taken to be the nearest possible index to the one
 * before + 1, so an outage must be shorter than half a loop, unless `expected` says about where each should be.
 * @param expected index of each picture as the wall clock has it, right to within half a loop
 */
export function unwrapCounters(counters: number[], loopFrames: number, expected?: number[]): number[] {
  let previous: number | undefined;
  return counters.map((counter, place) => {
    const near = expected?.[place] ?? (previous === undefined ? counter : previous + 1);
    previous = counter + loopFrames * Math.round((near - counter) / loopFrames);
    return previous;
  });
}

/** What is missing, double or out of order in a run of counters; see unwrapCounters. */
export function followFrames(counters: number[], loopFrames: number, expected?: number[]): FrameReport {
  const indexes = unwrapCounters(counters, loopFrames, expected);
  const seen = new Set<number>();
  const duplicated: number[] = [];
  const reordered: number[] = [];
  let latest = -Infinity;
  for (const index of indexes) {
    if (seen.has(index)) duplicated.push(index);
    else if (index < latest) reordered.push(index);
    seen.add(index);
    latest = Math.max(latest, index);
  }
  const missing: number[] = [];
  for (let index = indexes.reduce((least, other) => Math.min(least, other), Infinity); index < latest; index += 1) {
    if (!seen.has(index)) missing.push(index);
  }
  return { indexes, missing, duplicated, reordered };
}

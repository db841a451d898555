import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** One pixel a square: white guard, black guard, 16 bits. */
const squares = 18;

/**
 * What the frame counters in the pictures of one file, or of several that are decoded one by one, show; in display
 * order.
 * @throws Error when ffmpeg has anything to complain about, or a picture has no counter
 */
export async function readFrameCounters(
  files: string | string[],
  options: { ffmpeg?: string } = {},
): Promise<number[]> {
  const counters: number[] = [];
  for (const file of [files].flat()) {
    const pixels = await decode(file, options.ffmpeg ?? 'ffmpeg');
    for (let at = 0; at < pixels.length; at += squares) {
      counters.push(counterOf(pixels.subarray(at, at + squares), `picture ${at / squares} of ${file}`));
    }
  }
  return counters;
}

async function decode(file: string, ffmpeg: string): Promise<Buffer> {
  const filter = `crop=${squares * 16}:16:0:0,scale=${squares}:1:flags=area,format=gray`;
  const output = ['-an', '-vf', filter, '-fps_mode', 'passthrough', '-f', 'rawvideo', '-'];
  const child = spawn(ffmpeg, ['-nostdin', '-v', 'error', '-i', file, ...output], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const pixels: Buffer[] = [];
  let complaints = '';
  child.stdout.on('data', (bytes: Buffer) => pixels.push(bytes));
  child.stderr.on('data', (bytes: Buffer) => (complaints += bytes.toString()));
  await once(child, 'close');
  const code = child.exitCode;
  if (code !== 0 || complaints !== '') throw new Error(`${file} does not decode (${code}): ${complaints}`);
  return Buffer.concat(pixels);
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

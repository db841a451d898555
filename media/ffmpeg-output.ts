import { redact } from '../domain/redact.ts';

/** A finished file, as the segment muxer lists it. */
export interface ListLine {
  /** File name without folder. */
  file: string;
  /** Media time in seconds of ffmpeg's own clock; nominal, the boxes are exact. */
  startS: number;
  endS: number;
}

/** One block of `-progress`; null where ffmpeg does not know yet. */
export interface Progress {
  outTimeMs: number | null;
  totalBytes: number | null;
  frames: number | null;
  /** The last block of a run. */
  end: boolean;
}

/** Reads `name,start,end` of a segment list; null = no such line. */
export function parseListLine(line: string): ListLine | null {
  const match = /^"?([^",]+)"?,(-?[\d.]+),(-?[\d.]+)$/.exec(line);
  const [, file, start, end] = match ?? [];
  return file === undefined ? null : { file, startS: Number(start), endS: Number(end) };
}

/** Collects the key=value lines of `-progress` into blocks. */
export function createProgressReader(onProgress: (progress: Progress) => void): (line: string) => void {
  let values = new Map<string, string>();
  const read = (key: string): number | null => {
    const value = Number(values.get(key) ?? Number.NaN);
    return Number.isFinite(value) ? value : null;
  };
  return (line) => {
    const at = line.indexOf('=');
    if (at < 0) return;
    values.set(line.slice(0, at).trim(), line.slice(at + 1).trim());
    if (!values.has('progress')) return;
    const outTimeUs = read('out_time_us');
    onProgress({
      outTimeMs: outTimeUs === null ? null : Math.round(outTimeUs / 1000),
      totalBytes: read('total_size'),
      frames: read('frame'),
      end: values.get('progress') === 'end',
    });
    values = new Map();
  };
}

/** Written once a file with our fragment flags, and twice a packet after a clock step that the recording repairs. */
const noise = /No meaningful edit list|[DP]TS \S+ next:\S+ (st:\d+ )?invalid dropping/;

/** A line of stderr as it may be kept: without logins; null = noise. */
export function cleanStderr(line: string): string | null {
  return noise.test(line) ? null : redact(line);
}

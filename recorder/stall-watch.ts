import path from 'node:path';
import { sizeOf } from './file-size.ts';

/** Fragments come each second; ffmpeg's own limit (twice its timeout) is 10 s. After this long something hangs. */
export const stallLimitMs = 20_000;

/** Watches whether the open file of a run grows. A file grows by whole fragments, since ffmpeg flushes each. */
export interface StallWatch {
  /** A file was finished: the next one is open now. */
  listed(file: string): void;
  /** Looks at the file. @returns how long nothing has been written */
  quietMs(nowMs: number): Promise<number>;
  /** The file being written. */
  openPath(): string;
  /** Raised by every growth. */
  growths(): number;
}

export function createStallWatch(dir: string, startedMs: number): StallWatch {
  let index = 0;
  let bytes = 0;
  let grownMs = startedMs;
  let growths = 0;
  let wasListed = false;
  const openPath = (): string => path.join(dir, `${index}.mp4`);

  return {
    openPath,
    growths: () => growths,
    listed(file) {
      const listedIndex = Number.parseInt(file, 10);
      if (Number.isNaN(listedIndex)) return;
      index = listedIndex + 1;
      bytes = 0;
      wasListed = true;
    },
    async quietMs(nowMs) {
      const size = await sizeOf(openPath());
      if (size > bytes || wasListed) {
        wasListed = false;
        bytes = size;
        grownMs = nowMs;
        growths += 1;
      }
      return nowMs - grownMs;
    },
  };
}

import path from 'node:path';
import { fileTimeMs } from '../domain/file-time.ts';

/** A name that sorts by the time of its start. */
export function runName(startedMs: number, random: string): string {
  return `${startedMs}-${random}`;
}

/** A time that the kernel has noted of a run's file, as this process tells the time. @param dir the run's folder */
export function runFileTimeMs(keptMs: number, dir: string, now: () => number): number {
  const startedMs = /^(\d{1,16})-/.exec(path.basename(dir))?.[1];
  const notBeforeMs = startedMs === undefined ? null : Number(startedMs);
  return fileTimeMs({ keptMs, hostMs: Date.now(), nowMs: now(), notBeforeMs });
}

import { stat } from 'node:fs/promises';
import type { SpoolFile } from '../storage/spool.ts';
import type { ClosedFile } from './run-files.ts';

/** What waits to be committed on this host. */
export interface Backlog {
  files: number;
  bytes: number;
  /** End of the oldest footage that waits; null = nothing waits. */
  oldestEndMs: number | null;
}

/** A closed file that waits. */
export interface WaitingFile {
  file: ClosedFile;
  /** 0 until `measure` has told it. */
  bytes: number;
}

/** Fills in the size; one that cannot be told stays 0, for its commit says what is wrong with the file. */
export async function measure(waiting: WaitingFile): Promise<void> {
  waiting.bytes = await stat(waiting.file.path).then(
    (found) => found.size,
    () => 0,
  );
}

/** @param left of runs that have ended and whose files could not be closed: their last write is the end of their footage */
export function backlogOf(closed: readonly WaitingFile[], left: readonly SpoolFile[] = []): Backlog {
  const ends = [
    ...closed.map(({ file }) => file.name.startMs + file.name.durationMs),
    ...left.filter(({ isUnreadable }) => isUnreadable !== true).map(({ modifiedMs }) => modifiedMs),
  ];
  return {
    files: closed.length + left.length,
    bytes: [...closed, ...left].reduce((sum, { bytes }) => sum + bytes, 0),
    oldestEndMs: ends.length === 0 ? null : ends.reduce((a, b) => Math.min(a, b)),
  };
}

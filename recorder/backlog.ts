import { stat } from 'node:fs/promises';
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

export function backlogOf(waiting: readonly WaitingFile[]): Backlog {
  const ends = waiting.map(({ file }) => file.name.startMs + file.name.durationMs);
  return {
    files: waiting.length,
    bytes: waiting.reduce((sum, { bytes }) => sum + bytes, 0),
    oldestEndMs: ends.length === 0 ? null : ends.reduce((a, b) => Math.min(a, b)),
  };
}

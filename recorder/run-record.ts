import { isMissingFile } from './error-code.ts';
import { readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { WallClock } from '../domain/wall-clock.ts';
import type { SegmentName } from './segment-name.ts';

/**
 * `run.json` beside a run's open files: what a restarted process needs to give them their times.
 * It is written before a file is moved, so a file that is still there after a crash finds its place in `placed`.
 */
export interface RunRecord {
  epoch: number;
  /** Null until the first packet. */
  clock: WallClock | null;
  /** ffmpeg's process; it may outlive a killed recorder for a moment and still write. Null before it is started. */
  pid: number | null;
  /** The newest file that has been given its place. */
  placed: { index: number; name: SegmentName } | null;
}

const runRecord = z.object({
  epoch: z.number().int(),
  clock: z.object({ offsetMs: z.number(), lastEndMs: z.number().nullable(), samples: z.array(z.number()) }).nullable(),
  pid: z.number().int().nullable(),
  placed: z
    .object({
      index: z.number().int(),
      name: z.object({
        startMs: z.number().int(),
        durationMs: z.number().int(),
        epoch: z.number().int(),
        anchor: z.boolean(),
      }),
    })
    .nullable(),
}) satisfies z.ZodType<RunRecord>;

const fileName = 'run.json';

/** Replaces the record as a whole: a reader sees the old one or the new one. It survives kill -9, as the footage does. */
export async function writeRunRecord(dir: string, record: RunRecord): Promise<void> {
  const next = path.join(dir, `${fileName}.next`);
  await writeFile(next, JSON.stringify(record));
  await rename(next, path.join(dir, fileName));
}

/** Null where the process died before it wrote one. @throws when it is there and not readable as one */
export async function readRunRecord(dir: string): Promise<RunRecord | null> {
  try {
    return runRecord.parse(JSON.parse(await readFile(path.join(dir, fileName), 'utf8')));
  } catch (error) {
    if (isMissingFile(error)) return null;
    throw error;
  }
}

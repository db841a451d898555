import { open, rename } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { WallClock } from '../domain/wall-clock.ts';
import { readIfThere } from '../storage/durable-file.ts';
import { isUnreadable, nullIfUnreadable } from './error-code.ts';
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
const draftName = `${fileName}.next`;

/**
 * Replaces the record as a whole: a reader sees the old one or the new one, also after a power cut, which else may leave
 * a name without content. Where the old one's inode is damaged the new one stays under the name of its draft.
 */
export async function writeRunRecord(dir: string, record: RunRecord): Promise<void> {
  const next = path.join(dir, draftName);
  const file = await open(next, 'w');
  try {
    await file.writeFile(JSON.stringify(record));
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(next, path.join(dir, fileName)).catch(nullIfUnreadable);
}

/**
 * Null where the process died before it wrote one, and where none can be made sense of: its footage is worth more than
 * its exact times.
 * @param onUnusable told why one that is there does not serve
 * @throws other errors of the file system
 */
export async function readRunRecord(
  dir: string,
  onUnusable: (error: unknown) => void = () => undefined,
): Promise<RunRecord | null> {
  try {
    return await recordIn(path.join(dir, fileName));
  } catch (error) {
    if (!isUnusable(error)) throw error;
    onUnusable(error);
  }
  try {
    return await recordIn(path.join(dir, draftName));
  } catch (error) {
    if (!isUnusable(error)) throw error;
    return null;
  }
}

async function recordIn(filePath: string): Promise<RunRecord | null> {
  const text = await readIfThere(filePath);
  return text === null ? null : runRecord.parse(JSON.parse(text));
}

function isUnusable(error: unknown): boolean {
  return isUnreadable(error) || error instanceof SyntaxError || error instanceof z.ZodError;
}

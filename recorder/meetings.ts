import path from 'node:path';
import { z } from 'zod';
import type { Lease } from '../db/leases.ts';
import { readIfThere, writeDurably } from '../storage/durable-file.ts';
import type { Spool } from '../storage/spool.ts';
import { isUnreadable } from './error-code.ts';
import type { ClosedFile } from './run-files.ts';
import { recordedMsOf } from './segment-name.ts';

/** From the file on that was recorded at `recordedMs`, all pictures of the recording `epoch` are those of `by` too. */
const meeting = z.object({
  epoch: z.number().int(),
  by: z.number().int(),
  recordedMs: z.number(),
  /** Of `by`, the SHA-256 of its first key: after a catalogue was restored another recording may have its number. */
  firstKeySha256: z.string(),
});
type Meeting = z.output<typeof meeting>;
/** What the catalogue says of the newest recording that has its first frame. */
type Newest = Pick<Lease, 'recordingEpoch' | 'firstKeySha256'>;

/**
 * Which newer recording has all pictures of a file, since an earlier file of its recording began with that one's first
 * key. It outlasts the process: a restart amid a covered backlog finds that file removed.
 * @returns null where it is not known, also where what was noted cannot be read: nothing is removed without proof
 * @throws other errors of the file system
 */
export async function metBefore(
  { dir }: Spool,
  { cameraId, name }: ClosedFile,
  newest: Newest,
): Promise<number | null> {
  const met = await notedOf(dir, cameraId);
  if (met === null || met.epoch !== name.epoch || met.recordedMs > recordedMsOf(name)) return null;
  if (met.by === newest.recordingEpoch && met.firstKeySha256 !== newest.firstKeySha256) return null;
  return met.by;
}

/** Notes that a file begins with the first key of the newest recording. @throws errors of the file system */
export async function noteMeeting({ dir }: Spool, { cameraId, name }: ClosedFile, newest: Newest): Promise<void> {
  const { recordingEpoch: by, firstKeySha256 } = newest;
  if (firstKeySha256 === null) return;
  const met: Meeting = { epoch: name.epoch, by, recordedMs: recordedMsOf(name), firstKeySha256 };
  await writeDurably(placeOf(dir, cameraId), JSON.stringify(met));
}

async function notedOf(dir: string, cameraId: string): Promise<Meeting | null> {
  try {
    const text = await readIfThere(placeOf(dir, cameraId));
    return text === null ? null : meeting.parse(JSON.parse(text));
  } catch (error) {
    if (isUnreadable(error) || error instanceof SyntaxError || error instanceof z.ZodError) return null;
    throw error;
  }
}

function placeOf(dir: string, cameraId: string): string {
  return path.join(dir, 'met', cameraId);
}

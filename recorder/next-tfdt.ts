import { setTimeout as sleep } from 'node:timers/promises';
import { Mp4Error } from '../media/mp4-boxes.ts';
import { firstTfdt } from '../media/mp4-index.ts';
import { isUnreadable, nullIfUnreadable } from './error-code.ts';
import { sizeOf } from './file-size.ts';

/** The next file's first fragment is written after 1 s of media, at most. */
const waitMs = 2000;
const pollMs = 200;

/**
 * Where the file after one begins, in media time; waits until that is written.
 * @param hasEnded whether nothing is written any more
 * @returns null where it is not there, or cannot be read: its own turn finds that
 */
export async function nextTfdt(filePath: string, hasEnded: () => boolean): Promise<number | null> {
  let seenBytes: number | null = 0;
  for (let waitedMs = 0; ; waitedMs += pollMs) {
    // One turn of Node's thread pool where a look at the boxes takes four, ten times for each file.
    const bytes = await sizeOf(filePath).catch(nullIfUnreadable);
    if (bytes !== seenBytes) {
      const tfdt = await tfdtOf(filePath);
      if (tfdt !== null) return tfdt;
      seenBytes = bytes;
    }
    if (hasEnded() || waitedMs >= waitMs) return null;
    await sleep(pollMs);
  }
}

async function tfdtOf(filePath: string): Promise<number | null> {
  try {
    return await firstTfdt(filePath);
  } catch (error) {
    if (!isUnreadable(error) && !(error instanceof Mp4Error)) throw error;
    return null;
  }
}

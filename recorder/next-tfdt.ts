import { setTimeout as sleep } from 'node:timers/promises';
import { Mp4Error } from '../media/mp4-boxes.ts';
import { firstTfdt } from '../media/mp4-index.ts';
import { isUnreadable } from './error-code.ts';

/** The next file's first fragment is written after 1 s of media, at most. */
const waitMs = 2000;
const pollMs = 100;

/**
 * Where the file after one begins, in media time; waits until that is written.
 * @param hasEnded whether nothing is written any more
 * @returns null where it is not there, or cannot be read: its own turn finds that
 */
export async function nextTfdt(filePath: string, hasEnded: () => boolean): Promise<number | null> {
  for (let waitedMs = 0; ; waitedMs += pollMs) {
    const tfdt = await firstTfdt(filePath).catch((error: unknown) => {
      if (!isUnreadable(error) && !(error instanceof Mp4Error)) throw error;
      return null;
    });
    if (tfdt !== null || hasEnded() || waitedMs >= waitMs) return tfdt;
    await sleep(pollMs);
  }
}

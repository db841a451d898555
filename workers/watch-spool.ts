import { setTimeout as sleep } from 'node:timers/promises';
import { spoolHostId } from '../storage/spool.ts';

const lookEveryMs = 2_000;

/**
 * Which recorder's spool is in a folder. An encoder may start before the recorder that makes it, or on a host that has
 * none.
 */
export function watchSpool(
  dir: string,
  stopping: AbortSignal,
): {
  /** Null: not there yet. */
  hostId: () => string | null;
  /** Null: it did not come before the end. */
  appears: Promise<string | null>;
} {
  let found: string | null = null;
  const look = async (): Promise<string | null> => {
    while (!stopping.aborted) {
      // A marker that is just being written, or no folder: there is no spool for us yet.
      found = await spoolHostId(dir).catch(() => null);
      if (found !== null) return found;
      await sleep(lookEveryMs, undefined, { signal: stopping }).catch(() => undefined);
    }
    return null;
  };
  return { hostId: () => found, appears: look() };
}

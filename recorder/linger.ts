import { utimes } from 'node:fs/promises';
import { isCatalogued } from '../db/object-gc.ts';
import type { Db } from '../db/sql.ts';
import { AppError, errorText } from '../errors.ts';
import type { Logger } from '../log.ts';
import { objectKey } from '../storage/keys.ts';
import type { Objects } from '../storage/objects.ts';
import type { Spool, SpoolFile } from '../storage/spool.ts';
import type { CameraIds } from './camera-ids.ts';
import { hashFile, unknownCameraMs } from './commit.ts';
import type { Quarantine } from './quarantine.ts';
import { createRounds } from './rounds.ts';
import { parseSegmentFileName } from './segment-name.ts';

/**
 * Committed files stay for a while: an S3 server may answer a PUT before its disk has it, and this is what is left
 * when it then loses power. A file goes only after a second look has found its object.
 */
export interface Linger {
  /** Removes what has lingered long enough. @param lingerMs 0 when room is needed now */
  sweep(lingerMs: number): Promise<{ removed: number; putAgain: number }>;
  /** Removes a camera's files, whose objects are deleted for good. When it returns, no sweep stores one of them again. */
  discard(cameraId: string): Promise<void>;
  /** Sweeps from time to time until it is stopped. */
  start(): void;
  stop(): Promise<void>;
}

/**
 * Each sweep looks at all that lingers, at 30 files a camera after the default of 30 minutes; where they linger so long, a
 * minute more or less is nothing.
 */
const sweepEveryMs = { least: 10_000, most: 60_000, share: 1 / 30 };
/** What fails sooner may be one file's fault (its disk does not give it back); so many in a row are no file's. */
const hangsMs = 2000;
const mostInARow = 20;

export function createLinger(deps: {
  db: Db;
  spool: Spool;
  objects: Objects;
  cameraIds: CameraIds;
  quarantine: Quarantine;
  lingerMs: number;
  log: Logger;
  now: () => number;
}): Linger {
  const { spool, objects, log } = deps;
  const { least, most, share } = sweepEveryMs;
  const pauseMs = Math.min(most, Math.max(least, deps.lingerMs * share));
  let last: Promise<unknown> = Promise.resolve();

  /** Where the object is there the file is not needed any more; where it is lost it is put again. */
  async function release(file: SpoolFile): Promise<'removed' | 'putAgain' | 'kept'> {
    const parsed = parseSegmentFileName(file.name);
    if (parsed === null || parsed.sha256 === null) {
      await deps.quarantine(file.cameraId, file.path, 'a name that is not ours');
      return 'removed';
    }
    const ids = await deps.cameraIds.of(file.cameraId).catch(unlessUnknown);
    if (ids === null) {
      // Purged cameras keep their rows: the catalogue was restored from before this one was added, or is another one.
      if (deps.now() - file.modifiedMs < unknownCameraMs) return 'kept';
      log.warn(
        { cameraId: file.cameraId, file: file.name },
        'committed footage of an unknown camera goes to quarantine',
      );
      await deps.quarantine(file.cameraId, file.path, 'it was committed, and for a day nobody has known its camera');
      return 'removed';
    }
    const { tenantId } = ids;
    const { name, sha256 } = parsed;
    const key = objectKey({ tenantId, cameraId: file.cameraId, ...name, variant: 0, sha256 });
    if ((await objects.stat(key))?.bytes === file.bytes) {
      await spool.remove(file.path);
      return 'removed';
    }
    // Replaced by its final, or deleted when it was due, or about to be: stored again it would lie there for ever.
    if (!(await isCatalogued(deps.db, { cameraId: file.cameraId, startMs: name.startMs, sha256 }))) {
      await spool.remove(file.path);
      return 'removed';
    }
    if ((await hashFile(file.path)).sha256 !== sha256) {
      await deps.quarantine(file.cameraId, file.path, `it is not what was stored as ${key}, which is gone or differs`);
      return 'removed';
    }
    log.error({ cameraId: file.cameraId, key }, 'the object store has lost an object; it is stored again');
    await objects.put(key, file.path, file.bytes, sha256);
    const now = new Date(deps.now());
    await utimes(file.path, now, now); // it lingers once more
    return 'putAgain';
  }

  /** One at a time: a file that a sweep is about to store again must not be discarded behind its back. */
  function exclusively<T>(work: () => Promise<T>): Promise<T> {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  }

  async function sweepOnce(lingerMs: number): Promise<{ removed: number; putAgain: number }> {
    const counts = { removed: 0, putAgain: 0, kept: 0 };
    let firstError: unknown;
    let failed = 0;
    let failedInARow = 0;
    for (const file of await spool.lingeringFiles()) {
      // It is stored, and nobody can say since when it lingers or whether it is what its name says.
      if (file.isUnreadable === true || deps.now() - file.modifiedMs < lingerMs) continue;
      if (rounds.isStopped()) break;
      const beganMs = performance.now();
      try {
        counts[await release(file)] += 1;
        failedInARow = 0;
      } catch (error) {
        failed += 1;
        failedInARow += 1;
        firstError ??= error; // the other files' room is needed all the same
        // A server that hangs takes 5 to 10 s for each, and those who wait for room would wait for hours.
        if (performance.now() - beganMs > hangsMs || failedInARow >= mostInARow) break;
      }
    }
    const { removed, putAgain } = counts;
    if (firstError !== undefined) {
      log.warn({ failed, removed, cause: errorText(firstError) }, 'lingering files stay until they can be given up');
    }
    return { removed, putAgain };
  }

  const rounds = createRounds(
    pauseMs,
    async () => {
      await exclusively(() => sweepOnce(deps.lingerMs));
    },
    (error) => log.warn({ cause: errorText(error) }, 'lingering files could not be looked at'),
  );
  return {
    sweep: (lingerMs) => exclusively(() => sweepOnce(lingerMs)),
    discard: (cameraId) =>
      exclusively(async () => {
        const files = await spool.lingeringFiles(cameraId);
        const removals = await Promise.allSettled(files.map((file) => spool.remove(file.path)));
        const failed = removals.find((one) => one.status === 'rejected');
        if (failed !== undefined) throw failed.reason; // a damaged one keeps no other
      }),
    start: rounds.start,
    stop: rounds.stop,
  };
}

/** Null for a camera that the catalogue does not have; any other error goes on. */
function unlessUnknown(error: unknown): null {
  if (error instanceof AppError && error.code === 'not-found') return null;
  throw error;
}

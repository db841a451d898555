import { mkdir, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { errorText } from '../errors.ts';
import type { Logger } from '../log.ts';
import { renameDurably, syncFolder } from '../storage/durable-file.ts';
import { linkOrCopy } from '../storage/link-or-copy.ts';
import { codeOf } from './error-code.ts';
import { keptFiles, reasonOf, removeKept } from './kept-files.ts';

/** Puts a file aside that cannot be catalogued: kept for a person to look at, with the reason beside it. */
export type Quarantine = (cameraId: string, filePath: string, why: string) => Promise<void>;

/** Where files go: `quarantine/<camera>/` of a spool. */
interface Place {
  spoolDir: string;
  /** The recorder's time. */
  now: () => number;
}

export function createQuarantine(place: Place): Quarantine {
  return async (cameraId, filePath, why) => {
    await renameDurably(filePath, await placeIn(place, { cameraId, filePath }, why));
  };
}

/**
 * Keeps a file of `closed/` in quarantine too, under a second name, before it is cut or removed. Repeated after a crash
 * it finds that done.
 * @returns where it lies
 * @throws errors of the file system
 */
export async function keepInQuarantine(
  place: Place,
  { cameraId, path: filePath }: { cameraId: string; path: string },
  why: string,
): Promise<string> {
  const target = await placeIn(place, { cameraId, filePath }, why);
  try {
    await linkOrCopy(filePath, target);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
  await syncFolder(path.dirname(target));
  return target;
}

/**
 * The reason is written first. Its time says since when the file is there, and not by the host's clock: one that is years
 * behind and is then set would have it go at once.
 * @returns where the file is to lie
 */
async function placeIn(
  { spoolDir, now }: Place,
  { cameraId, filePath }: { cameraId: string; filePath: string },
  why: string,
): Promise<string> {
  const folder = path.join(spoolDir, 'quarantine', cameraId);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // A run's files are called 0.mp4, 1.mp4, ...: its folder's name keeps those of two runs apart.
  const name = `${path.basename(path.dirname(filePath))}-${path.basename(filePath)}`;
  const target = path.join(folder, name);
  await writeFile(reasonOf(target), `${why}\n`);
  const since = new Date(now());
  await utimes(reasonOf(target), since, since);
  return target;
}

/** Keeps what is in quarantine from filling a spool. */
export interface QuarantineBound {
  /**
   * Removes what has been there for too long, and of the rest the oldest until no more than `maxBytes` are left.
   * @returns whether there is more room now; errors of the disk are logged
   */
  trim(maxBytes: number): Promise<boolean>;
}

/** @param deps.now the recorder's time: neither by it nor by the host's clock may anything go too early */
export function createQuarantineBound(deps: {
  spoolDir: string;
  keptMs: number;
  log: Logger;
  now: () => number;
}): QuarantineBound {
  const { spoolDir, log } = deps;
  return {
    async trim(maxBytes) {
      const sinceMs = Math.min(Date.now(), deps.now()) - deps.keptMs;
      try {
        const removed = await trimQuarantine(spoolDir, { sinceMs, maxBytes }, log);
        if (removed.files === 0) return false;
        log.warn({ ...removed, maxBytes }, 'removed from quarantine: there for too long, or too much');
        return true;
      } catch (error) {
        log.warn({ cause: errorText(error) }, 'what is in quarantine could not be looked at');
        return false;
      }
    },
  };
}

/**
 * Removes from quarantine, and of damaged files, what has been there since before `sinceMs`, and of the rest the oldest
 * until no more than `maxBytes` are left. What the disk does not let go stays.
 * @returns what was removed; 0 files = nothing
 */
export async function trimQuarantine(
  spoolDir: string,
  bound: { sinceMs: number; maxBytes: number },
  log: Logger,
): Promise<{ files: number; bytes: number }> {
  const all = (await keptFiles(spoolDir))
    .filter(({ kind }) => kind !== 'unreadable')
    .toSorted((a, b) => a.sinceMs - b.sinceMs);
  let leftBytes = all.reduce((sum, { diskBytes }) => sum + diskBytes, 0);
  const removed = { files: 0, bytes: 0 };
  for (const kept of all) {
    if (kept.sinceMs >= bound.sinceMs && leftBytes <= bound.maxBytes) break;
    try {
      await removeKept(kept);
    } catch (error) {
      log.warn({ cause: errorText(error) }, 'what is long in quarantine cannot be removed');
      continue;
    }
    leftBytes -= kept.diskBytes;
    if (kept.path !== null) removed.files += 1;
    removed.bytes += kept.diskBytes;
  }
  return removed;
}

import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { errorText } from '../errors.ts';
import type { Logger } from '../log.ts';
import { syncFolder } from '../storage/durable-file.ts';
import { makeFolder } from '../storage/spool-folders.ts';
import type { Spool } from '../storage/spool.ts';
import type { CommitOutcome } from './commit.ts';
import { codeOf, isMissingFile, isUnreadable } from './error-code.ts';
import { noFailpoint, type Failpoint } from './failpoint.ts';
import { reasonEnding, reasonOf } from './kept-files.ts';
import type { ClosedFile } from './run-files.ts';
import { parseSegmentFileName, segmentFileName } from './segment-name.ts';
import { whyUnreadable } from './why-unreadable.ts';

/**
 * Files of the spool whose disk has bad blocks. What lies behind one in its camera's order must not wait for it for ever:
 * after a minute of tries it is put aside, in `unreadable/<camera>/`, and tried again each time the process starts. One
 * whose inode is damaged cannot even be moved: it is settled where it lies.
 */
export interface Unreadable {
  /**
   * Work on a file has failed.
   * @param file.name the place it has, or would have
   * @returns whether it was put aside: not where the cause is another one, or it is to be tried again
   * @throws where the whole disk is away
   */
  failed(file: ClosedFile, error: unknown): Promise<boolean>;
  /** Commits a file, or puts it aside. @throws whatever keeps it from being committed now */
  committing(file: ClosedFile, commit: () => Promise<CommitOutcome>): Promise<CommitOutcome>;
  /** What is aside just now; `oldestStartMs` null = nothing is. */
  aside(): { files: number; oldestStartMs: number | null };
  /** Brings what can be read again back to `closed/`. @throws where the folder of what is aside cannot be listed */
  tryAgain(): Promise<void>;
  /** Nothing of a purged camera is aside any more. */
  forget(cameraId: string): void;
}

/** A controller that resets its disk is back within seconds; a cable that is put in again within a minute. */
const patienceMs = 60_000;
/** Of a minute in which the process was stopped for long. */
const leastTries = 3;

/** @param deps.onAside told of a file that is aside, also at the next start: its time is missing, and why */
export function createUnreadable(deps: {
  spool: Spool;
  onAside: (file: ClosedFile, why: string) => void;
  onBack: (file: ClosedFile) => void;
  /** For tests. */
  patienceMs?: number | undefined;
  log: Logger;
  failpoint?: Failpoint;
}): Unreadable {
  const { spool, log, failpoint = noFailpoint } = deps;
  const root = path.join(spool.dir, 'unreadable');
  const failing = new Map<string, { tries: number; sinceMs: number }>();
  /** By path. */
  const aside = new Map<string, { cameraId: string; startMs: number }>();

  /**
   * Moves it; what makes that lasting comes after, since it is aside from now on whatever fails then.
   * @returns where it lies then
   */
  async function putAside(file: ClosedFile): Promise<string> {
    const target = path.join(root, file.cameraId, segmentFileName(file.name));
    try {
      await mkdir(path.dirname(target), { recursive: true, mode: 0o700 });
      await failpoint('aside-folder');
      await rename(file.path, target);
      await failpoint('aside-moved');
      return target;
    } catch (error) {
      // A full disk has no room for a folder, and one with errors is often mounted for reading only.
      if (!isUnreadable(error) && !['ENOSPC', 'EDQUOT', 'EROFS'].includes(codeOf(error) ?? '')) throw error;
      return file.path;
    }
  }

  /** Without that a power cut may bring it back where it was, and it is found there again. */
  async function makeLasting(from: string, filePath: string, why: string): Promise<void> {
    try {
      const folders = [spool.dir, root, path.dirname(filePath), path.dirname(from)];
      await Promise.all(folders.map(syncFolder));
      await failpoint('aside-lasting');
      await writeFile(reasonOf(filePath), `${why}\n`);
    } catch (error) {
      log.warn({ filePath, cause: errorText(error) }, 'a file was put aside, but for its reason or its place for good');
    }
  }

  /** It counts as aside until it has been moved back, whatever keeps it from that. */
  async function tryOne(cameraId: string, found: string): Promise<void> {
    const parsed = parseSegmentFileName(found);
    if (parsed === null) return;
    const file = { cameraId, path: path.join(root, cameraId, found), name: parsed.name };
    aside.set(file.path, { cameraId, startMs: parsed.name.startMs });
    try {
      const why = await whyUnreadable(file.path);
      if (why === null) return await bringBack(file);
      log.error({ cameraId, filePath: file.path, why }, 'footage of the spool still cannot be read');
      deps.onAside(file, why); // a kill may have come before that
      await makeLasting(file.path, file.path, why);
    } catch (error) {
      const cause = errorText(error);
      log.warn({ cameraId, found, cause }, 'what was unreadable is tried again at the next start');
    }
  }

  /** As it is: one that ends in the midst of a fragment, or has holes, is cut by its commit. */
  async function bringBack(file: ClosedFile): Promise<void> {
    const { cameraId, path: filePath } = file;
    const folder = path.join(spool.dir, 'closed', cameraId);
    await makeFolder(folder);
    const back = { ...file, path: path.join(folder, path.basename(filePath)) };
    await move(filePath, back.path);
    await failpoint('back-moved');
    aside.delete(filePath);
    log.info({ cameraId, filePath, name: file.name }, 'footage of the spool can be read again');
    deps.onBack(back);
    await failpoint('back-told');
    await rm(reasonOf(filePath), { force: true });
  }

  /** Killed before it removed the reason of what came back. */
  async function forgetReason(cameraId: string, left: string, names: readonly string[]): Promise<void> {
    if (!left.endsWith(reasonEnding) || names.includes(left.slice(0, -reasonEnding.length))) return;
    await rm(path.join(root, cameraId, left), { force: true });
  }

  async function failed(file: ClosedFile, error: unknown): Promise<boolean> {
    if (!isUnreadable(error)) {
      failing.delete(file.path); // it could be read: one failure an hour is no minute of them
      return false;
    }
    if (aside.has(file.path)) return true;
    const nowMs = performance.now();
    const seen = failing.get(file.path) ?? { tries: 0, sinceMs: nowMs };
    seen.tries += 1;
    failing.set(file.path, seen);
    if (seen.tries < leastTries || nowMs - seen.sinceMs < (deps.patienceMs ?? patienceMs)) return false;
    await spool.checkPresent();
    const why = await whyUnreadable(file.path);
    if (why === null) {
      failing.delete(file.path);
      return false;
    }
    const { cameraId, name } = file;
    const filePath = await putAside(file);
    aside.set(filePath, { cameraId, startMs: name.startMs });
    failing.delete(file.path);
    log.error({ cameraId, file: file.path, filePath, why }, 'unreadable file of the spool put aside');
    deps.onAside(file, why);
    await failpoint('aside-told');
    if (filePath !== file.path) await makeLasting(file.path, filePath, why);
    return true;
  }

  return {
    failed,
    async committing(file, commit) {
      try {
        const outcome = await commit();
        failing.delete(file.path);
        return outcome;
      } catch (error) {
        if (await failed(file, error)) return { kind: 'unreadable' };
        throw error;
      }
    },
    aside() {
      const starts = [...aside.values()].map(({ startMs }) => startMs);
      return { files: starts.length, oldestStartMs: starts.length === 0 ? null : Math.min(...starts) };
    },
    forget(cameraId) {
      for (const [filePath, one] of aside) if (one.cameraId === cameraId) aside.delete(filePath);
    },
    async tryAgain() {
      for (const cameraId of await namesIn(root)) {
        try {
          const names = await namesIn(path.join(root, cameraId));
          for (const found of names) await tryOne(cameraId, found);
          for (const left of names) await forgetReason(cameraId, left, names);
        } catch (error) {
          log.error({ cameraId, cause: errorText(error) }, 'what is unreadable of a camera cannot be looked at');
        }
      }
    },
  };
}

/** Its content cannot be made durable, its place can. */
async function move(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncFolder(path.dirname(to));
  await syncFolder(path.dirname(from));
}

/** What lies in a folder; nothing where it is not there. @throws other errors of the file system */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissingFile(error)) return [];
    throw error;
  }
}

import { mkdir, readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { errorText } from '../errors.ts';
import type { Logger } from '../log.ts';

export interface WorkFolder {
  path: string;
  remove(): Promise<void>;
}

const beatEveryMs = 30_000;
/** A worker whose event loop stands still for this long is no worker any more. */
const deadAfterMs = 10 * 60_000;

interface WorkFolderOptions {
  everyMs?: number;
  /** Told the id of each killed worker whose folder was removed here; again at the next beat where it throws. */
  onRemoved?: (name: string) => Promise<void>;
}

/**
 * A folder of this worker, and those of workers that were killed go. Containers may share the parent, where a process
 * id tells nothing of the others' processes: a worker lives as long as it touches its folder.
 * @param name the worker's id
 */
export async function makeWorkFolder(
  parent: string,
  name: string,
  log: Logger,
  { everyMs = beatEveryMs, onRemoved = () => Promise.resolve() }: WorkFolderOptions = {},
): Promise<WorkFolder> {
  const path = join(parent, name);
  const untold = new Set<string>();
  const beat = async (): Promise<void> => {
    // Each time: where the clock was set, or all stood still, others that share the parent take it for dead.
    await mkdir(path, { recursive: true });
    const now = new Date();
    await utimes(path, now, now);
    for (const other of await readdir(parent)) {
      if (other !== name && (await removeDead(join(parent, other), now.getTime()))) untold.add(other);
    }
    for (const gone of untold) {
      const cannotTell = (error: unknown): void =>
        log.warn(
          { worker: gone, cause: errorText(error) },
          'that the copies of a killed worker are gone was not noted yet',
        );
      await onRemoved(gone).then(() => untold.delete(gone), cannotTell);
    }
  };
  await beat();
  let last = Promise.resolve();
  const timer = setInterval(() => {
    last = last
      .then(beat)
      .catch((error: unknown) => log.warn({ cause: errorText(error) }, 'the work folder was not touched'));
  }, everyMs);
  timer.unref();
  return {
    path,
    async remove() {
      clearInterval(timer);
      await last; // or it would make the folder again
      await rm(path, { recursive: true, force: true });
    },
  };
}

/** @returns whether it was dead, and is gone */
async function removeDead(folder: string, nowMs: number): Promise<boolean> {
  const found = await stat(folder).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null; // another was faster
    throw error;
  });
  if (found === null || found.mtimeMs >= nowMs - deadAfterMs) return false;
  await rm(folder, { recursive: true, force: true });
  return true;
}

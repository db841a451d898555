import { setTimeout as sleep } from 'node:timers/promises';
import { errorText } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Spool, SpoolFile } from '../storage/spool.ts';

/**
 * Runs whose files could not be closed: the disk was full, or could not be read. What passes while the process lives is
 * made good by it, and needs no restart.
 */
export interface LateSalvage {
  /** A run that has ended and has left its folder in `open/`; tried again until it is salvaged. */
  add: (cameraId: string, run: string) => void;
  /** The files of these runs, as the last try has left them. */
  waiting(): SpoolFile[];
  /** Ends after the tries that run just now; the next start of the process finds the rest. */
  stop(): Promise<void>;
}

const firstWaitMs = 1000;
/** A full disk is looked at every 5 s; a broken one may stay so for days. */
const longestWaitMs = 60_000;

/** @param deps.salvage throws while the cause lasts */
export function createLateSalvage(deps: {
  salvage: (cameraId: string, run: string) => Promise<void>;
  spool: Pick<Spool, 'openFiles'>;
  log: Logger;
}): LateSalvage {
  const stopped = new AbortController();
  const running = new Map<string, { ended: Promise<void>; files: SpoolFile[] }>();

  async function look(cameraId: string, run: string): Promise<void> {
    const found = await deps.spool.openFiles();
    const left = running.get(keyOf(cameraId, run));
    if (left === undefined) return;
    left.files = found.filter((file) => file.cameraId === cameraId && file.run === run && file.name.endsWith('.mp4'));
  }

  /** What is left when it is stopped is still told of. */
  async function untilSalvaged(cameraId: string, run: string): Promise<void> {
    for (let waitMs = firstWaitMs; ; waitMs = Math.min(2 * waitMs, longestWaitMs)) {
      await look(cameraId, run).catch((error: unknown) => {
        deps.log.warn({ cameraId, run, cause: errorText(error) }, 'what it has left cannot be counted');
      });
      await sleep(waitMs, undefined, { signal: stopped.signal }).catch(() => undefined);
      if (stopped.signal.aborted) return;
      try {
        await deps.salvage(cameraId, run);
        running.delete(keyOf(cameraId, run));
        return;
      } catch (error) {
        deps.log.warn({ cameraId, run, cause: errorText(error) }, 'its files still cannot be closed, tried again');
      }
    }
  }

  return {
    add(cameraId, run) {
      const key = keyOf(cameraId, run);
      if (stopped.signal.aborted || running.has(key)) return;
      running.set(key, { ended: untilSalvaged(cameraId, run), files: [] });
    },
    waiting: () => [...running.values()].flatMap(({ files }) => files),
    async stop() {
      stopped.abort();
      await Promise.all([...running.values()].map(({ ended }) => ended));
    },
  };
}

function keyOf(cameraId: string, run: string): string {
  return `${cameraId}/${run}`;
}

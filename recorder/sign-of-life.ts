import { noteStopped, upsertRecorder, type RecorderFigures } from '../db/recorders.ts';
import type { Db } from '../db/sql.ts';
import { errorText } from '../errors.ts';
import type { Logger } from '../log.ts';
import { createRounds } from './rounds.ts';

/** Keeps this host's row in the catalogue fresh: after 20 s without it the host counts as lost. */
export interface SignOfLife {
  start(): void;
  stop(): Promise<void>;
  /** After the process's last commit: what it leaves, so that nobody waits for what is not there. */
  last(): Promise<void>;
}

const everyMs = 5000;
/** Half of what makes a host lost. */
const quietMs = 10_000;

export function createSignOfLife(deps: {
  db: Db;
  hostId: string;
  url: () => string;
  slots: number;
  used: () => number;
  /** For /metrics and the status. */
  figures: () => RecorderFigures;
  /** The catalogue may have taken this host for lost. */
  onReturn: () => void;
  /** The catalogue says that this host is to hand its cameras over. */
  onDraining: () => void;
  log: Logger;
}): SignOfLife {
  let starts = true;
  let saidMs = performance.now();

  async function say(): Promise<void> {
    const { db, hostId, slots } = deps;
    const seen = { hostId, url: deps.url(), slots, used: deps.used(), starts, stats: deps.figures() };
    const { draining } = await upsertRecorder(db, seen);
    if (!starts && performance.now() - saidMs > quietMs) deps.onReturn();
    saidMs = performance.now();
    starts = false;
    if (draining) deps.onDraining();
  }

  const { start, stop } = createRounds(everyMs, say, (error) =>
    deps.log.warn({ cause: errorText(error) }, 'no sign of life to the catalogue'),
  );
  return {
    start,
    stop,
    async last() {
      try {
        await noteStopped(deps.db, deps.hostId, deps.figures());
      } catch (error) {
        deps.log.warn({ cause: errorText(error) }, 'the catalogue does not know what this process leaves');
      }
    },
  };
}

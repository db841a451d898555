import { setTimeout as sleep } from 'node:timers/promises';
import { databaseNowMs } from '../db/clock.ts';
import { claimLostHosts } from '../db/lost-hosts.ts';
import { lostAfterMs } from '../db/recorders.ts';
import type { Db } from '../db/sql.ts';
import { errorText } from '../errors.ts';
import type { Logger } from '../log.ts';

const everyMs = 5000;
/** After an outage of the catalogue every recorder looks unseen until its next sign of life. */
const trustAfterMs = 25_000;

/** Shows within seconds that a host is lost, though no recorder is there to say so. */
export function createLostHostWatch(deps: {
  db: Db;
  log: Logger;
  /** For tests. */
  everyMs?: number;
}): { stop(): Promise<void> } {
  const { db, log } = deps;
  const stopped = new AbortController();
  /** Since when the catalogue has answered without a break. */
  let answersSinceMs: number | null = null;
  let lookedMs = performance.now();

  async function look(): Promise<void> {
    const atMs = performance.now();
    // This process may have been stopped itself, and then has seen nothing of what the recorders said.
    if (atMs - lookedMs > 2 * everyMs) answersSinceMs = null;
    lookedMs = atMs;
    try {
      // Recorders go by this clock where theirs is wrong; this host's may be as well.
      const nowMs = await databaseNowMs(db);
      answersSinceMs ??= atMs;
      if (atMs - answersSinceMs < trustAfterMs) return;
      const cameraIds = await claimLostHosts(db, { seenBeforeMs: nowMs - lostAfterMs, nowMs });
      if (cameraIds.length > 0) log.warn({ cameraIds }, 'their recorder is lost');
    } catch (error) {
      answersSinceMs = null;
      log.warn({ cause: errorText(error) }, 'the catalogue is away, nobody knows which hosts live');
    }
  }

  const watching = (async () => {
    while (!stopped.signal.aborted) {
      await look();
      await sleep(deps.everyMs ?? everyMs, undefined, { signal: stopped.signal }).catch(() => undefined);
    }
  })();
  return {
    stop() {
      stopped.abort();
      return watching;
    },
  };
}

import { setTimeout as sleep } from 'node:timers/promises';

/** Work that is done again and again until it is stopped. */
export interface Rounds {
  start: () => void;
  /** Ends after the round that runs just now. */
  stop: () => Promise<void>;
  /** Whether it is being stopped: a long round may end early. */
  isStopped: () => boolean;
}

/**
 * @param everyMs between the end of a round and the begin of the next
 * @param onError told why a round failed; the next one comes all the same
 */
export function createRounds(everyMs: number, round: () => Promise<void>, onError: (error: unknown) => void): Rounds {
  const stopped = new AbortController();
  let running: Promise<void> = Promise.resolve();

  async function run(): Promise<void> {
    while (!stopped.signal.aborted) {
      await round().catch(onError);
      await sleep(everyMs, undefined, { signal: stopped.signal }).catch(() => undefined);
    }
  }

  return {
    start() {
      running = run();
    },
    async stop() {
      stopped.abort();
      await running;
    },
    isStopped: () => stopped.signal.aborted,
  };
}

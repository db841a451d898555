import { setTimeout as sleep } from 'node:timers/promises';
import { serverWaitMs } from '../domain/retry.ts';
import type { Logger } from '../log.ts';
import { mayPass } from './error-code.ts';
import { createFailedTries } from './failed-tries.ts';

/** Writes to the catalogue that recording does not wait for. */
export interface WriteQueue {
  /**
   * Runs `write` after the camera's earlier ones, again and again while the catalogue is away.
   * @param slot a write still waiting in the same slot is replaced: the last one wins
   */
  add(cameraId: string, write: () => Promise<void>, slot?: string): void;
  /** Resolves when nothing waits, or after `timeoutMs`. */
  flush(timeoutMs: number): Promise<void>;
  /** Writes that wait, over all cameras. */
  size(): number;
  stop(): void;
}

interface Waiting {
  write: () => Promise<void>;
  slot: string | undefined;
}

export function createWriteQueue(deps: { log: Logger }): WriteQueue {
  const lanes = new Map<string, Waiting[]>();
  const running = new Set<Promise<void>>();
  const stopped = new AbortController();
  const tries = createFailedTries({ log: deps.log, what: 'catalogue away, writes wait' });

  async function drainLane(cameraId: string, lane: Waiting[]): Promise<void> {
    for (let head = lane[0]; head !== undefined; head = lane[0]) {
      await untilWritten(cameraId, head.write);
      lane.shift();
      if (stopped.signal.aborted) break;
    }
    lanes.delete(cameraId);
  }

  async function untilWritten(cameraId: string, write: () => Promise<void>): Promise<void> {
    for (let attempt = 1; !stopped.signal.aborted; attempt += 1) {
      try {
        await write();
        return;
      } catch (error) {
        if (!mayPass(error)) {
          deps.log.error({ cameraId, err: error }, 'catalogue refused a write');
          return;
        }
        tries.failed({ cameraId }, error);
      }
      await sleep(serverWaitMs(attempt, Math.random), undefined, { signal: stopped.signal }).catch(() => undefined);
    }
  }

  return {
    add(cameraId, write, slot) {
      if (stopped.signal.aborted) return;
      const waiting: Waiting = { write, slot };
      const lane = lanes.get(cameraId);
      if (lane === undefined) {
        const started = [waiting];
        lanes.set(cameraId, started);
        const run = drainLane(cameraId, started).finally(() => running.delete(run));
        running.add(run);
        return;
      }
      // The first one may be running just now; the others may be replaced.
      const same = slot === undefined ? -1 : lane.findIndex((entry, i) => i > 0 && entry.slot === slot);
      if (same > 0) lane.splice(same, 1);
      lane.push(waiting);
    },
    async flush(timeoutMs) {
      const endsAtMs = performance.now() + timeoutMs;
      while (running.size > 0 && performance.now() < endsAtMs) await sleep(20);
    },
    size: () => [...lanes.values()].reduce((sum, lane) => sum + lane.length, 0),
    stop: () => stopped.abort(),
  };
}

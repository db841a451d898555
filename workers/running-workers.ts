import type { Worker } from '@temporalio/worker';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorText } from '../errors.ts';
import type { RoleContext, RunningRole, TemporalConnections } from './role.ts';

const retryAfterMs = 5_000;

/**
 * Keeps a role's Temporal workers running: made once Temporal answers, made again when they fail, shut down at the end.
 * Nobody is awake at night, so a failure here is logged and tried again, never the end of the process.
 */
export function createRunningWorkers(
  context: RoleContext,
  create: (temporal: TemporalConnections) => Promise<Worker[]>,
): RunningRole {
  const stopping = new AbortController();
  let workers: Worker[] = [];

  const finished = (async () => {
    const temporal = await context.temporal.catch(() => null);
    while (temporal !== null && !stopping.signal.aborted) {
      try {
        workers = await create(temporal);
        if (stopping.signal.aborted) break;
        await Promise.all(workers.map((worker) => worker.run()));
      } catch (error) {
        context.log.error({ cause: errorText(error) }, 'Temporal workers failed, started again');
        for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
        await sleep(retryAfterMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    }
  })();

  function shutdown(): Promise<void> {
    stopping.abort();
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
    return finished;
  }
  return { drain: shutdown, stop: shutdown };
}

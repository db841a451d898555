import type { Worker } from '@temporalio/worker';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorText } from '../errors.ts';
import type { RoleContext, RunningRole, TemporalConnections } from './role.ts';

const retryAfterMs = 5_000;

/**
 * Keeps a role's Temporal workers running: made once Temporal answers, made again when one fails, shut down at the end.
 * Nobody is awake at night, so a failure here is logged and tried again, never the end of the process.
 *
 * One that fails takes its siblings along, and all have ended before any is made again: two workers on one queue would
 * take twice the work that the process has slots for, and Temporal's SDK refuses the second one.
 * @param create throws only after it has disposed of those it made
 */
export function createRunningWorkers(
  context: Pick<RoleContext, 'temporal' | 'log'>,
  create: (temporal: TemporalConnections) => Promise<Worker[]>,
): RunningRole {
  const stopping = new AbortController();
  let workers: Worker[] = [];

  async function run(temporal: TemporalConnections): Promise<void> {
    workers = await create(temporal);
    if (stopping.signal.aborted) return disposeOf(workers);
    const runs = workers.map((worker) => worker.run());
    try {
      await Promise.all(runs);
    } finally {
      shutdownAll();
      await Promise.allSettled(runs);
    }
  }

  function shutdownAll(): void {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  }

  const finished = (async () => {
    const temporal = await context.temporal.catch(() => null);
    while (temporal !== null && !stopping.signal.aborted) {
      try {
        await run(temporal);
      } catch (error) {
        context.log.error({ cause: errorText(error) }, 'Temporal workers failed, started again');
        await sleep(retryAfterMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    }
  })();

  function shutdown(): Promise<void> {
    stopping.abort();
    shutdownAll();
    return finished;
  }
  return { drain: shutdown, stop: shutdown };
}

/**
 * Makes workers that belong together.
 * @throws the first error, after those that were made are disposed of: they would hold their queues for ever
 */
export async function createTogether(creates: readonly Promise<Worker>[]): Promise<Worker[]> {
  const made = await Promise.allSettled(creates);
  const failed = made.find((one) => one.status === 'rejected');
  const workers = made.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  if (failed === undefined) return workers;
  await disposeOf(workers);
  throw failed.reason;
}

/** The SDK lets go of a worker only after it has run. */
async function disposeOf(workers: readonly Worker[]): Promise<void> {
  await Promise.all(workers.map((worker) => worker.runUntil(Promise.resolve())));
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../../config.ts';
import type { StopStep } from '../embedded/process-record.ts';
import { startChild, type Child, type ChildOptions } from './child.ts';
import type { Terminal } from './terminal.ts';

/** A recorder ends its segments and commits them; with 200 cameras and a slow disk that takes a while. */
const endSteps: [StopStep, ...StopStep[]] = [{ signal: 'SIGINT', waitMs: 30_000 }];
/** Where another host can take over, cameras are handed over for at most 60 s. */
const drainSteps: StopStep[] = [{ signal: 'SIGTERM', waitMs: 75_000 }];
const apiSteps: [StopStep, ...StopStep[]] = [{ signal: 'SIGTERM', waitMs: 10_000 }];
const startWithinMs = 120_000;

/** The processes of framekeep itself: one for the API, one for the other roles. */
export interface Roles {
  api: Child | null;
  workers: Child | null;
  /** @param handOver to other hosts, rather than ending what is recorded here */
  stop(handOver: boolean): Promise<void>;
}

/** Starts the processes that the roles ask for. Only the API gets to know the API key. */
export async function startRoles(
  roles: Config['roles'],
  apiKey: string,
  options: Omit<ChildOptions, 'name' | 'command' | 'stopSteps'>,
): Promise<Roles> {
  const others = roles.filter((role) => role !== 'api');
  const { environment } = options;
  const api = roles.includes('api')
    ? await startChild({
        ...options,
        name: 'api',
        command: ['dist/api.js'],
        environment: { ...environment, FRAMEKEEP_ROLES: 'api', FRAMEKEEP_BOOTSTRAP_API_KEY: apiKey },
        stopSteps: apiSteps,
      })
    : null;
  const workers =
    others.length > 0
      ? await startChild({
          ...options,
          name: 'workers',
          command: ['dist/workers.js'],
          environment: { ...environment, FRAMEKEEP_ROLES: others.join(',') },
          stopSteps: endSteps,
        })
      : null;
  return {
    api,
    workers,
    stop: async (handOver) => {
      await Promise.all([api?.stop(), workers?.stop(handOver ? drainSteps : endSteps)]);
    },
  };
}

/**
 * Waits until all of them are at work.
 * @throws when one ends instead, with what it printed last; or when `stopping` is aborted
 */
export async function untilAtWork(
  roles: Roles,
  apiUrl: string,
  terminal: Terminal,
  stopping: AbortSignal,
): Promise<void> {
  const { api, workers } = roles;
  const inTime = AbortSignal.any([stopping, AbortSignal.timeout(startWithinMs)]);
  const late = sleep(startWithinMs, undefined, { signal: inTime }).then(
    () => undefined,
    () => inTime.throwIfAborted(),
  );
  const waits: Promise<void>[] = [];
  if (api !== null) {
    waits.push(terminal.step('Console and API', () => Promise.race([untilReady(apiUrl, inTime), api.ended, late])));
  }
  if (workers !== null) {
    waits.push(terminal.step('Recorder and workflows', () => Promise.race([workers.said('workers started'), late])));
  }
  await Promise.all(waits);
}

/** Ready = the API's own view: database, objects and Temporal answer. */
async function untilReady(apiUrl: string, inTime: AbortSignal): Promise<void> {
  for (;;) {
    inTime.throwIfAborted();
    const answer = await fetch(`${apiUrl}/readyz`, { signal: AbortSignal.timeout(5_000) }).catch(() => null);
    await answer?.body?.cancel();
    if (answer?.ok === true) return;
    await sleep(100);
  }
}

import { randomUUID } from 'node:crypto';
import { MockActivityEnvironment } from '@temporalio/testing';
import { ApplicationFailure } from '@temporalio/common';
import { createFinishActivities, type FinishActivities, type FinishJobDeps } from '../../activities/finish-job.ts';
import { takeReady, type FedWindow } from '../../db/finish-feed.ts';
import { createLogger } from '../../log.ts';
import { createTemporalLogger } from '../../workers/temporal-logger.ts';
import type { FinishJob } from '../../workflows/messages.ts';
import type { FinishSite, SiteCamera } from './finish-site.ts';

const silent = createLogger({ level: 'silent', name: 'test' });

/** Takes this camera's window out of the backlog, with all others that wait for an encoder. */
export async function feedWindow(site: FinishSite, camera: SiteCamera, atMs: number): Promise<FedWindow | undefined> {
  const fed = await takeReady(site.deps.db, { queue: 'encode', nowMs: atMs, cheap: true, limit: 100 });
  return fed.find(({ cameraId }) => cameraId === camera.id);
}

/** The activities of a worker of its own. */
export function finishActivities(site: FinishSite, changes: Partial<FinishJobDeps> = {}): FinishActivities {
  return createFinishActivities({
    ...site.deps,
    host: 'host-a',
    workerId: randomUUID(),
    log: silent,
    stopping: new AbortController().signal,
    onEnd: () => undefined,
    running: { encode: 0, join: 0, spool: 0 },
    ...changes,
  });
}

/** Runs the activity as a worker does. @returns what Temporal would be told of its failure, or null */
export async function runFinishJob(
  activities: FinishActivities,
  window: FedWindow,
): Promise<ApplicationFailure | null> {
  const environment = new MockActivityEnvironment({}, { logger: createTemporalLogger(silent) });
  const { cameraId, windowStartMs, reencodeId, generation } = window;
  const job: FinishJob = { cameraId, windowStartMs, reencodeId, generation, queue: 'encode', spoolHostId: null };
  try {
    await environment.run((given: FinishJob) => activities.finish(given), job);
    return null;
  } catch (error) {
    if (error instanceof ApplicationFailure) return error;
    throw error;
  }
}

import { condition, proxyActivities } from '@temporalio/workflow';
import type { PurgeActivities, PurgeStep } from '../activities/purge.ts';
import type { CameraState } from '../domain/camera.ts';
import { purgeQueue } from './messages.ts';

// Database and object store may be away for an hour: the purge waits for them, at most a minute longer than needed.
const patient = { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1 minute' } as const;
const { startPurge } = proxyActivities<PurgeActivities>({ startToCloseTimeout: '1 minute', retry: patient });
// On a queue of its own, which few slots serve: of a contract that ends 300 cameras are purged at once.
const { deletePurgedFootage, finishPurge } = proxyActivities<PurgeActivities>({
  taskQueue: purgeQueue,
  // 12 months of a camera are 53,000 objects: over a minute at 800 a second, hours at a slow store.
  startToCloseTimeout: '12 hours',
  heartbeatTimeout: '2 minutes',
  retry: patient,
});

/** What the phases below need of the camera's workflow. */
export interface RetiredCamera {
  cameraId: string;
  /** Null while the intent is not read yet. */
  graceEndsAtMs: number | null;
  /** Whether the main loop has something to do: a changed intent, or a history that has become long. */
  isInterrupted: () => boolean;
  show: (state: CameraState, reason: string | null) => void;
}

/**
 * A retired camera: its grace period, then its purge. The deadline is an instant in Postgres, so neither
 * continue-as-new nor lost workers nor a changed setting move it, and a Temporal server that is paused only delays it.
 * @returns 'purged' when nothing is left to do, 'interrupted' when the main loop is to look first and come back
 */
export async function liveThroughRetirement(camera: RetiredCamera): Promise<'purged' | 'interrupted'> {
  const { cameraId, graceEndsAtMs, isInterrupted, show } = camera;
  if (graceEndsAtMs === null) {
    await condition(isInterrupted);
    return 'interrupted';
  }
  const waitMs = graceEndsAtMs - Date.now();
  if (waitMs > 0 && (await condition(isInterrupted, waitMs))) return 'interrupted';
  const started = await startPurge(cameraId);
  if (started.kind !== 'done') {
    if (started.kind === 'waits') show('grace', started.reason);
    await condition(isInterrupted, againInMs(started));
    return 'interrupted';
  }
  return purge(camera);
}

/** Its fence stands: from here on nothing brings the camera back. */
async function purge({ cameraId, isInterrupted, show }: RetiredCamera): Promise<'purged' | 'interrupted'> {
  show('purging', null);
  await deletePurgedFootage(cameraId);
  const finished = await finishPurge(cameraId);
  if (finished.kind === 'done') {
    show('purged', null);
    return 'purged';
  }
  if (finished.kind === 'waits') show('purging', finished.reason);
  await condition(isInterrupted, againInMs(finished));
  return 'interrupted';
}

/** A camera that is wanted again has an update on its way; it is not waited for in vain. */
function againInMs(step: PurgeStep): number {
  return step.kind === 'waits' ? step.againInMs : 60_000;
}

import { proxyActivities } from '@temporalio/workflow';
import type { EnsureCamerasActivities } from '../activities/ensure-cameras.ts';

const activities = proxyActivities<EnsureCamerasActivities>({
  startToCloseTimeout: '4 minutes', // the schedule's next run comes after 5
  heartbeatTimeout: '30s',
  retry: { maximumAttempts: 3 },
});

/** Scheduled: starts camera workflows that are missing and re-sends intents that were not taken in. */
export async function ensureCameras(): Promise<void> {
  await activities.ensureCameraWorkflows();
}

import { proxyActivities } from '@temporalio/workflow';
import type { CollectObjectsActivities } from '../activities/collect-objects.ts';

const activities = proxyActivities<CollectObjectsActivities>({
  startToCloseTimeout: '1 hour',
  heartbeatTimeout: '2 minutes', // a batch of 500 deletes on a slow store
  retry: { maximumAttempts: 3 },
});

/** Scheduled: deletes objects that nothing needs any more. */
export async function collectObjects(): Promise<void> {
  await activities.collectObjects();
}

import { proxyActivities } from '@temporalio/workflow';
import type { SampleFootageActivities } from '../activities/sample-footage.ts';

const activities = proxyActivities<SampleFootageActivities>({
  startToCloseTimeout: '50 minutes',
  heartbeatTimeout: '2 minutes', // one object is downloaded and its first picture decoded
  retry: { maximumAttempts: 2 },
});

/** Scheduled: reads some of the footage back, at random. */
export async function sampleFootage(): Promise<void> {
  await activities.sampleFootage();
}

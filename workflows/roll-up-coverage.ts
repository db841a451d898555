import { proxyActivities } from '@temporalio/workflow';
import type { RollUpCoverageActivities } from '../activities/roll-up-coverage.ts';

const activities = proxyActivities<RollUpCoverageActivities>({
  startToCloseTimeout: '30 minutes',
  heartbeatTimeout: '1 minute', // a page of 100 cameras takes some tenths of a second
  retry: { maximumAttempts: 3 },
});

/** Scheduled: counts coverage by camera and day. */
export async function rollUpCoverage(): Promise<void> {
  await activities.rollUpCoverage();
}

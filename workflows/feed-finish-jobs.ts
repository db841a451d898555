import { proxyActivities } from '@temporalio/workflow';
import type { FeedFinishJobsActivities } from '../activities/feed-finish-jobs.ts';

const activities = proxyActivities<FeedFinishJobsActivities>({
  startToCloseTimeout: '2 minutes',
  heartbeatTimeout: '30s',
  retry: { maximumAttempts: 2 }, // the schedule's next run does the same
});

/** Scheduled: starts finish jobs for windows that are ready. */
export async function feedFinishJobs(): Promise<void> {
  await activities.feedFinishJobs();
}

import { ActivityExecutionAlreadyStartedError, type Client } from '@temporalio/client';
import { longestJobMs } from '../domain/finish-window.ts';
import { finishActivity, finishJobId, spoolQueue, type FinishJob } from '../workflows/messages.ts';

/**
 * Starts the standalone activity of a window's present round of work.
 * @returns `present` when it is there already and may still come to its end; `ended` when it has ended well before,
 * so that this id will not run again
 */
export async function startFinishJob(
  client: Client,
  job: FinishJob,
  order: { tier: 'critical' | 'normal'; tenantId: string; profileId: number },
): Promise<'started' | 'present' | 'ended'> {
  const id = finishJobId(job, order.profileId);
  const bulk = job.reencodeId !== 0;
  try {
    await client.activity.start(finishActivity, {
      id,
      taskQueue: job.spoolHostId === null ? job.queue : spoolQueue(job.spoolHostId),
      args: [job],
      // Beats come every 2 s while bytes move, every 5 s while a result is verified. The longest honest silence is a
      // store that is away: an error in 10 s.
      heartbeatTimeout: '20s',
      startToCloseTimeout: longestJobMs,
      // Of what lies outside the footage: an hour's outage of the store is some 60 attempts.
      retry: { initialInterval: '2s', backoffCoefficient: 2, maximumInterval: '1 minute', maximumAttempts: 100 },
      idReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
      priority: { priorityKey: bulk ? 5 : order.tier === 'critical' ? 1 : 3, fairnessKey: order.tenantId },
    });
    return 'started';
  } catch (error) {
    if (!(error instanceof ActivityExecutionAlreadyStartedError)) throw error;
    const { status } = await client.activity.getHandle(id).describe();
    return status === 'COMPLETED' ? 'ended' : 'present';
  }
}

import { proxyActivities } from '@temporalio/workflow';
import type { SweepRetentionActivities } from '../activities/sweep-retention.ts';
import { sweptBefore } from './sweep-count.ts';

const { planSweep, completeSweep } = proxyActivities<SweepRetentionActivities>({
  startToCloseTimeout: '10 minutes',
  retry: { maximumAttempts: 3 },
});
const { sweepShard } = proxyActivities<SweepRetentionActivities>({
  startToCloseTimeout: '2 hours',
  heartbeatTimeout: '2 minutes', // a batch of 1,000 deletes on a slow store
  retry: { maximumAttempts: 3 },
});

/** A store that takes one stream's deletes at 3,300 a second takes four streams' at 4,500. */
const shards = 4;

/** Scheduled: deletes footage that has reached its camera's retention. */
export async function sweepRetention(): Promise<void> {
  const plan = await planSweep();
  if (plan === null) return;
  const parts = await Promise.allSettled(
    Array.from({ length: shards }, (_, shard) => sweepShard({ atMs: plan.atMs, shard, shards })),
  );
  const swept = parts.map((part) => (part.status === 'fulfilled' ? part.value : sweptBefore(part.reason)));
  const failed = parts.find((part) => part.status === 'rejected');
  const sum = (of: 'segments' | 'bytes' | 'refused'): number => swept.reduce((total, part) => total + part[of], 0);
  // Also where one shard failed: without a forecast the breaker would stop all others after a week.
  const amounts = { segments: sum('segments'), bytes: sum('bytes'), refused: sum('refused') };
  await completeSweep({ atMs: plan.atMs, ...amounts, isWhole: failed === undefined });
  if (failed !== undefined) throw failed.reason;
}

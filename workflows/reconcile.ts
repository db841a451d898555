import { proxyActivities, sleep } from '@temporalio/workflow';
import type { Compared, PlannedPass, ReconcileActivities } from '../activities/reconcile.ts';

const { beginReconcile, judgeReconcile } = proxyActivities<ReconcileActivities>({
  startToCloseTimeout: '5 minutes',
  retry: { maximumAttempts: 5 },
});
const { compareShard, compareForeign, actOnFindings } = proxyActivities<ReconcileActivities>({
  startToCloseTimeout: '6 hours',
  heartbeatTimeout: '2 minutes', // a page of 1,000 keys on a slow store, or one object that is downloaded
  retry: { maximumAttempts: 10 },
});

/** Shards that are compared at the same time. */
const lanes = 2;

/**
 * Scheduled, and started when somebody asks: compares bucket and catalogue, waits, looks again, and deals with what
 * still does not fit.
 * @param work.requestedOnly only passes that were asked for
 */
export async function reconcile(work: { requestedOnly: boolean } = { requestedOnly: false }): Promise<void> {
  let scheduled = !work.requestedOnly;
  for (;;) {
    const pass = await beginReconcile({ scheduled });
    if (pass === null) return;
    scheduled = false;
    const compared = await compareAll(pass);
    const waitMs = await judgeReconcile(pass, compared);
    if (waitMs === null) continue;
    if (waitMs > 0) await sleep(waitMs);
    await actOnFindings(pass, compared);
  }
}

async function compareAll(pass: PlannedPass): Promise<Compared> {
  const compared = await compareForeign(pass);
  const waiting = Array.from({ length: pass.shards }, (_, shard) => shard);
  const lane = async (): Promise<void> => {
    for (let shard = waiting.shift(); shard !== undefined; shard = waiting.shift()) {
      const part = await compareShard({ ...pass, shard });
      compared.rows += part.rows;
      compared.objects += part.objects;
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return compared;
}

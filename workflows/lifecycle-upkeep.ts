import { proxyActivities } from '@temporalio/workflow';
import type { CertifyRetentionActivities } from '../activities/certify-retention.ts';
import type { EndContractsActivities } from '../activities/end-contracts.ts';

const retry = { maximumAttempts: 3 };
const { endContracts, ensureTenantDeletions } = proxyActivities<EndContractsActivities>({
  startToCloseTimeout: '10 minutes',
  retry,
});
const { certifyRetention } = proxyActivities<CertifyRetentionActivities>({
  startToCloseTimeout: '50 minutes', // the schedule's next run comes after an hour
  heartbeatTimeout: '5 minutes',
  retry,
});

/** Scheduled: what becomes due without anybody asking for it. */
export async function lifecycleUpkeep(): Promise<void> {
  await endContracts();
  await ensureTenantDeletions();
  await certifyRetention();
}

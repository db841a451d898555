import { continueAsNew, proxyActivities, setCurrentDetails, sleep, workflowInfo } from '@temporalio/workflow';
import type { DeleteTenantActivities } from '../activities/delete-tenant.ts';

const { finishTenantDeletion } = proxyActivities<DeleteTenantActivities>({
  startToCloseTimeout: '2 minutes',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1 minute' },
});

const shortestWaitMs = 5_000;
/** A hold may keep a camera for months. */
const longestWaitMs = 3_600_000;

/**
 * Waits until the workflows of all of a tenant's cameras have purged them, and ends with the tenant's certificate.
 * Id `delete-tenant/<tenantId>`.
 */
export async function deleteTenant(tenantId: string): Promise<void> {
  for (let waitMs = shortestWaitMs; ; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
    const step = await finishTenantDeletion(tenantId);
    if (step.kind === 'done') return;
    setCurrentDetails(step.reason);
    await sleep(waitMs);
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof deleteTenant>(tenantId);
  }
}

import type { Client } from '@temporalio/client';
import { WorkflowIdConflictPolicy, WorkflowIdReusePolicy } from '@temporalio/common';
import { controlQueue } from '../workflows/messages.ts';

/** Starts the deletion of a tenant; a no-op when it runs already. */
export async function startTenantDeletion(client: Client, tenantId: string): Promise<void> {
  await client.workflow.start('deleteTenant', {
    workflowId: `delete-tenant/${tenantId}`,
    taskQueue: controlQueue,
    args: [tenantId],
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
    workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
  });
}

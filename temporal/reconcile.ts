import type { Client } from '@temporalio/client';
import { WorkflowIdConflictPolicy, WorkflowIdReusePolicy } from '@temporalio/common';
import { controlQueue } from '../workflows/messages.ts';

/** Starts the passes that were asked for; where one such run is at work it takes them when it is done. */
export async function startReconcile(client: Client): Promise<void> {
  await client.workflow.start('reconcile', {
    workflowId: 'reconcile/requested',
    taskQueue: controlQueue,
    args: [{ requestedOnly: true }],
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
    workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
  });
}

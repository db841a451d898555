import { WorkflowNotFoundError, WorkflowUpdateRPCTimeoutOrCancelledError, type Client } from '@temporalio/client';
import { WorkflowIdConflictPolicy, WorkflowIdReusePolicy } from '@temporalio/common';
import type { CameraIntent } from '../domain/camera.ts';
import type { CameraWorkflowInput, IntentChange } from '../workflows/messages.ts';
import { cameraWorkflowId, controlQueue } from '../workflows/messages.ts';

/** The updates a camera's workflow takes; the intent itself stands in Postgres. */
export type IntentUpdate = 'pause' | 'resume' | 'reconfigure' | 'retire' | 'reactivate' | 'purgeNow';

/** An API request waits at most this long for a workflow worker before it answers 202. */
const acceptWithinMs = 3_000;

/** The update that makes a workflow read this intent again, when the one that was meant is no longer known. */
export const updateOfIntent: Record<CameraIntent, IntentUpdate> = {
  record: 'reconfigure',
  paused: 'pause',
  retired: 'retire',
};

/** Starts a camera's workflow; a no-op when it runs already. */
export async function startCameraWorkflow(client: Client, camera: CameraWorkflowInput): Promise<void> {
  const { cameraId, tenantId, tier } = camera;
  await client.workflow.start('cameraWorkflow', {
    workflowId: cameraWorkflowId(cameraId),
    taskQueue: controlQueue,
    args: [{ cameraId, tenantId, tier } satisfies CameraWorkflowInput],
    searchAttributes: { CameraState: ['provisioning'], TenantId: [tenantId], Tier: [tier], Host: ['none'] },
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
    workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
    priority: { priorityKey: tier === 'critical' ? 1 : 3, fairnessKey: tenantId },
  });
}

/**
 * Sends an intent that is committed in Postgres already. The update's id is camera and version, so sending it again
 * is harmless.
 * @returns false when no workflow worker answered in 3 s or the workflow is not there: `ensure-cameras` repairs that
 * @throws when Temporal itself cannot be reached
 */
export async function sendIntentUpdate(
  client: Client,
  cameraId: string,
  update: IntentUpdate,
  configVersion: number,
): Promise<boolean> {
  const handle = client.workflow.getHandle(cameraWorkflowId(cameraId));
  try {
    await client.withDeadline(Date.now() + acceptWithinMs, () =>
      handle.startUpdate<void, [IntentChange]>(update, {
        args: [{ configVersion }],
        updateId: `${cameraId}:${configVersion}`,
        waitForStage: 'ACCEPTED',
      }),
    );
    return true;
  } catch (error) {
    if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError || error instanceof WorkflowNotFoundError)
      return false;
    throw error;
  }
}

import { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { camerasToEnsure } from '../db/cameras.ts';
import type { Pool } from '../db/sql.ts';
import type { Logger } from '../log.ts';
import { sendIntentUpdate, startCameraWorkflow, updateOfIntent } from '../temporal/camera-workflows.ts';
import { cameraWorkflowId } from '../workflows/messages.ts';

export interface EnsureCamerasActivities {
  /** Starts camera workflows that are missing, sends intents that were not taken in; answers how many of each. */
  ensureCameraWorkflows(): Promise<{ started: number; sent: number }>;
}

/**
 * Repairs what an outage, a lost update or a mistaken `temporal workflow terminate` left behind.
 * Postgres is the truth: visibility is only asked which workflows need not be started (it may lag; a start of a
 * running one is a no-op).
 */
export function createEnsureCamerasActivities(deps: {
  db: Pool;
  client: Client;
  log: Logger;
}): EnsureCamerasActivities {
  return {
    async ensureCameraWorkflows() {
      const cameras = await camerasToEnsure(deps.db);
      const running = new Set<string>();
      const query = `WorkflowType = 'cameraWorkflow' and ExecutionStatus = 'Running'`;
      for await (const execution of deps.client.workflow.list({ query })) running.add(execution.workflowId);

      let started = 0;
      let sent = 0;
      for (const camera of cameras) {
        Context.current().heartbeat();
        if (!running.has(cameraWorkflowId(camera.id))) {
          await startCameraWorkflow(deps.client, { ...camera, cameraId: camera.id });
          started += 1;
        } else if (camera.appliedVersion < camera.configVersion) {
          await sendIntentUpdate(deps.client, camera.id, updateOfIntent[camera.intent], camera.configVersion);
          sent += 1;
        }
      }
      if (started + sent > 0) deps.log.info({ started, sent }, 'camera workflows repaired');
      return { started, sent };
    },
  };
}

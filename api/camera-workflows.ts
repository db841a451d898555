import { Client, Connection } from '@temporalio/client';
import { errorText } from '../errors.ts';
import type { Logger } from '../log.ts';
import { sendIntentUpdate, startCameraWorkflow, type IntentUpdate } from '../temporal/camera-workflows.ts';
import { startReconcile } from '../temporal/reconcile.ts';
import { startTenantDeletion } from '../temporal/tenant-workflows.ts';

/** How long a request waits for Temporal. The intent is in Postgres by then, so nothing is lost after it. */
const deadlineMs = 3_000;

/** What the API needs of Temporal. Nothing here fails because Temporal is away: `ensure-cameras` repairs it later. */
export interface CameraWorkflows {
  /** Starts a camera's workflow. @returns false when Temporal did not take it within 3 s */
  start(camera: { cameraId: string; tenantId: string; tier: string; name: string }): Promise<boolean>;
  /** Tells a camera's workflow of a change of intent. @returns false when no worker has accepted it within 3 s */
  update(update: IntentUpdate, change: { cameraId: string; configVersion: number }): Promise<boolean>;
  /** Starts a tenant's deletion. @returns false when Temporal did not take it within 3 s: the hourly upkeep will */
  deleteTenant(tenantId: string): Promise<boolean>;
  /** Starts the comparisons that were asked for. @returns false when Temporal did not take it: the schedule will */
  reconcile(): Promise<boolean>;
  reachable(): Promise<boolean>;
  close(): Promise<void>;
}

/** Connects at the first call, and again by itself after an outage. */
export function createCameraWorkflows(options: { address: string; namespace: string; log: Logger }): CameraWorkflows {
  const connection = Connection.lazy({
    address: options.address,
    // gRPC's own default waits up to 120 s before it looks again for a server that was away.
    channelArgs: { 'grpc.initial_reconnect_backoff_ms': 500, 'grpc.max_reconnect_backoff_ms': 5_000 },
  });
  // No failure converter of our own: a client sends no failures.
  const client = new Client({ connection, namespace: options.namespace });
  const underWay = new Set<Promise<unknown>>();
  const within = async <T>(call: () => Promise<T>): Promise<T> => {
    const answer = connection.withDeadline(Date.now() + deadlineMs, call);
    underWay.add(answer);
    try {
      return await answer;
    } finally {
      underWay.delete(answer);
    }
  };

  return {
    async start(camera) {
      try {
        await within(() => startCameraWorkflow(client, camera));
        return true;
      } catch (error) {
        const { cameraId } = camera;
        options.log.warn({ cameraId, cause: errorText(error) }, 'camera workflow not started; ensure-cameras will');
        return false;
      }
    },

    async update(update, { cameraId, configVersion }) {
      try {
        const accepted = await sendIntentUpdate(client, cameraId, update, configVersion);
        if (!accepted) options.log.warn({ cameraId, update }, 'update not accepted yet; ensure-cameras sends it again');
        return accepted;
      } catch (error) {
        options.log.warn({ cameraId, update, cause: errorText(error) }, 'update not sent; ensure-cameras will');
        return false;
      }
    },

    async deleteTenant(tenantId) {
      try {
        await within(() => startTenantDeletion(client, tenantId));
        return true;
      } catch (error) {
        options.log.warn({ tenantId, cause: errorText(error) }, 'tenant deletion not started; the upkeep will');
        return false;
      }
    },

    async reconcile() {
      try {
        await within(() => startReconcile(client));
        return true;
      } catch (error) {
        options.log.warn({ cause: errorText(error) }, 'reconcile not started; its schedule will');
        return false;
      }
    },

    async reachable() {
      try {
        await within(() => connection.workflowService.getSystemInfo({}));
        return true;
      } catch (error) {
        options.log.debug({ cause: errorText(error) }, 'Temporal is away');
        return false;
      }
    },

    async close() {
      // A call that is tried again on a closed connection throws where nobody can catch it.
      await Promise.allSettled(underWay);
      await connection.close();
    },
  };
}

import { defineQuery, defineUpdate } from '@temporalio/workflow';
import type { CameraIntent, CameraState } from '../domain/camera.ts';

/** Task queues; `hostQueue` is polled only by the recorder that owns that spool. */
export const controlQueue = 'control';
export const recordQueue = 'record';
export const hostQueue = (hostId: string): string => `host-${hostId}`;

/** A camera's workflow id. */
export const cameraWorkflowId = (cameraId: string): string => `camera/${cameraId}`;

/** Search attributes of `cameraWorkflow`, all of type Keyword (Postgres visibility allows ten of them). */
export const cameraSearchAttributes = ['CameraState', 'TenantId', 'Tier', 'Host'] as const;

/** What an update carries: the intent is in Postgres already, the version says which one is meant. */
export interface IntentChange {
  configVersion: number;
}

/** What `cameraWorkflow` is started with and carries over continue-as-new. Ids only. */
export interface CameraWorkflowInput {
  cameraId: string;
  tenantId: string;
  tier: string;
  /** Carried over by continue-as-new; absent at the first start. */
  carried?: { configVersion: number; intent: CameraIntent; graceEndsAtMs: number | null; lastHostId: string | null };
}

/** The answer of the query `state`. */
export interface CameraWorkflowState {
  state: CameraState;
  reason: string | null;
  intent: CameraIntent;
  configVersion: number;
  hostId: string | null;
  graceEndsAtMs: number | null;
}

export const pauseUpdate = defineUpdate<void, [IntentChange]>('pause');
export const resumeUpdate = defineUpdate<void, [IntentChange]>('resume');
export const reconfigureUpdate = defineUpdate<void, [IntentChange]>('reconfigure');
export const retireUpdate = defineUpdate<void, [IntentChange]>('retire');
export const reactivateUpdate = defineUpdate<void, [IntentChange]>('reactivate');
export const stateQuery = defineQuery<CameraWorkflowState>('state');

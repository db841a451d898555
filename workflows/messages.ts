import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { CameraIntent, CameraState } from '../domain/camera.ts';

/** Task queues; `hostQueue` is polled only by the recorder that owns that spool. */
export const controlQueue = 'control';
export const recordQueue = 'record';
/** Of the long steps of purges. */
export const purgeQueue = 'purge';
export const hostQueue = (hostId: string): string => `host-${hostId}`;

/** Queues of finish jobs: those that need a slot of an encoder, and those that only join bytes. */
export const finishQueues = ['encode', 'join'] as const;
/** `spool`: a queue of each host whose spool alone holds the footage. */
export type FinishQueue = (typeof finishQueues)[number] | 'spool';
/** The task queue of finish jobs that only the encoder beside this spool can do. */
export const spoolQueue = (hostId: string): string => `finish-${hostId}`;
/** The standalone activity that finishes one window. */
export const finishActivity = 'finish';

/** What a finish job is started with: one round of work on one window. Ids only. */
export interface FinishJob {
  cameraId: string;
  windowStartMs: number;
  /** 0: finishing; else the bulk job that wants it encoded again. */
  reencodeId: number;
  generation: number;
  queue: FinishQueue;
  /** Of the queue `spool`. */
  spoolHostId: string | null;
}

/** The same round of work has the same id, so that Temporal refuses to run it twice. */
export function finishJobId(job: Omit<FinishJob, 'queue' | 'spoolHostId'>, profileId: number): string {
  const kind = job.reencodeId === 0 ? 'finish' : `reencode-${job.reencodeId}`;
  return `${kind}/${job.cameraId}/${job.windowStartMs}/${profileId}/${job.generation}`;
}

/** A camera's workflow id. */
export const cameraWorkflowId = (cameraId: string): string => `camera/${cameraId}`;

/** Search attributes of `cameraWorkflow`, all of type Keyword (Postgres visibility allows ten of them). */
export const cameraSearchAttributes = ['CameraState', 'TenantId', 'Tier', 'Host'] as const;

/** What an update carries: the intent is in Postgres already, the version says which one is meant. */
export interface IntentChange {
  configVersion: number;
}

/** What `cameraWorkflow` is started with. Ids only. */
export interface CameraWorkflowInput {
  cameraId: string;
  tenantId: string;
  tier: string;
  /** What the previous run knew; set by continue-as-new only. */
  carried?: CarriedState;
}

/** What survives continue-as-new; everything else is read again from Postgres. */
export interface CarriedState {
  state: CameraState;
  reason: string | null;
  /** The host that recorded last: the next session is offered to it first. */
  hostId: string | null;
}

/** The answer of the query `state`. */
export interface CameraWorkflowState extends CarriedState {
  intent: CameraIntent;
  configVersion: number;
  graceEndsAtMs: number | null;
}

/** What the recorder tells the workflow once a state has lasted 30 s, at most once a minute. */
export interface RecorderReport {
  state: CameraState;
  reason: string | null;
  hostId: string;
}

export const pauseUpdate = defineUpdate<void, [IntentChange]>('pause');
export const resumeUpdate = defineUpdate<void, [IntentChange]>('resume');
export const reconfigureUpdate = defineUpdate<void, [IntentChange]>('reconfigure');
export const retireUpdate = defineUpdate<void, [IntentChange]>('retire');
export const reactivateUpdate = defineUpdate<void, [IntentChange]>('reactivate');
export const purgeNowUpdate = defineUpdate<void, [IntentChange]>('purgeNow');
export const recorderReportSignal = defineSignal<[RecorderReport]>('recorderReport');
export const stateQuery = defineQuery<CameraWorkflowState>('state');

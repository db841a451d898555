import type { CameraIntent } from '../domain/camera.ts';
import { takeIntent } from '../db/camera-intents.ts';
import { setCameraState } from '../db/cameras.ts';
import { openGap } from '../db/gaps.ts';
import type { Pool } from '../db/sql.ts';

/** What Postgres says is wanted of a camera. */
export interface WantedCamera {
  intent: CameraIntent;
  configVersion: number;
  graceEndsAtMs: number | null;
}

export interface CameraIntentActivities {
  /** Reads what is wanted and notes that its workflow has taken it in; null when there is no such camera. */
  takeIntent(cameraId: string): Promise<WantedCamera | null>;
  /** Shows that no recorder takes the camera, and claims the missing footage for that reason. */
  reportNoSlot(cameraId: string, reason: string): Promise<void>;
}

/** The short database activities of `cameraWorkflow`. */
export function createCameraIntentActivities(deps: { db: Pool; now: () => number }): CameraIntentActivities {
  return {
    takeIntent: (cameraId) => takeIntent(deps.db, cameraId),
    async reportNoSlot(cameraId, reason) {
      const nowMs = deps.now();
      await setCameraState(deps.db, cameraId, 'no-slot', reason, nowMs);
      await openGap(deps.db, cameraId, { startMs: nowMs, reason: 'no-slot', evidence: {} });
    },
  };
}

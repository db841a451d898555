import type { CameraIntent } from '../domain/camera.ts';
import { cameraByPublicId, setCameraState } from '../db/cameras.ts';
import { openGap } from '../db/gaps.ts';
import { setAppliedVersion } from '../db/leases.ts';
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
    async takeIntent(cameraId) {
      const camera = await cameraByPublicId(deps.db, cameraId);
      if (camera === null) return null;
      await setAppliedVersion(deps.db, cameraId, camera.configVersion);
      return { intent: camera.intent, configVersion: camera.configVersion, graceEndsAtMs: camera.graceEndsAtMs };
    },
    async reportNoSlot(cameraId, reason) {
      const nowMs = deps.now();
      await setCameraState(deps.db, cameraId, 'no-slot', reason, nowMs);
      await openGap(deps.db, cameraId, { startMs: nowMs, reason: 'no-slot', evidence: {} });
    },
  };
}

import { cameraForRecording } from '../db/cameras.ts';
import type { Db } from '../db/sql.ts';

/** A camera's ids that never change; asked for once a process. */
export interface CameraIds {
  /** @throws while the catalogue is away, or when it has no such camera */
  of(cameraId: string): Promise<{ internalId: number; tenantId: string }>;
}

export function createCameraIds(db: Db): CameraIds {
  const known = new Map<string, { internalId: number; tenantId: string }>();
  return {
    async of(cameraId) {
      const found = known.get(cameraId);
      if (found !== undefined) return found;
      const camera = await cameraForRecording(db, cameraId);
      if (camera === null) throw new Error(`the catalogue has no camera ${cameraId}`);
      const ids = { internalId: camera.internalId, tenantId: camera.tenantId };
      known.set(cameraId, ids);
      return ids;
    },
  };
}

import { cameraForRecording } from '../db/recorded-cameras.ts';
import type { Db } from '../db/sql.ts';
import { AppError } from '../errors.ts';

/** A camera's ids that never change; asked for once a process. */
export interface CameraIds {
  /** @throws AppError not-found when the catalogue has no such camera; other errors while it is away */
  of(cameraId: string): Promise<{ internalId: number; tenantId: string }>;
}

export function createCameraIds(db: Db): CameraIds {
  const known = new Map<string, { internalId: number; tenantId: string }>();
  return {
    async of(cameraId) {
      const found = known.get(cameraId);
      if (found !== undefined) return found;
      const camera = await cameraForRecording(db, cameraId);
      if (camera === null) throw new AppError('not-found', `The catalogue has no camera ${cameraId}.`);
      const ids = { internalId: camera.internalId, tenantId: camera.tenantId };
      known.set(cameraId, ids);
      return ids;
    },
  };
}

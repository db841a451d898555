import { z } from 'zod';
import { cameraStates, type CameraState } from '../domain/camera.ts';
import { instant, many, type Db } from './sql.ts';

/** How many cameras are in each state; states without cameras are left out. */
export function countCamerasByState(db: Db): Promise<{ state: CameraState; count: number }[]> {
  return many(
    db,
    z.object({ state: z.enum(cameraStates), count: z.number() }),
    `select status as state, count(*)::int as count from camera group by status`,
  );
}

/** A camera that is wanted and gives no footage. */
export interface FailingCamera {
  cameraId: string;
  name: string;
  state: CameraState;
  reason: string | null;
  sinceMs: number;
}

/** Wanted cameras that are not recorded, the longest first. */
export function failingCameras(db: Db, limit: number): Promise<FailingCamera[]> {
  return many(
    db,
    z
      .object({
        public_id: z.string(),
        name: z.string(),
        status: z.enum(cameraStates),
        status_reason: z.string().nullable(),
        status_at: instant,
      })
      .transform((row): FailingCamera => ({
        cameraId: row.public_id,
        name: row.name,
        state: row.status,
        reason: row.status_reason,
        sinceMs: row.status_at,
      })),
    `select public_id, name, status, status_reason, status_at from camera
     where intent = 'record' and status in ('reconnecting', 'attention', 'no-slot')
     order by status_at, id limit $1`,
    [limit],
  );
}

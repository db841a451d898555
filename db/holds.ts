import { z } from 'zod';
import { at, instant, maybeOne, type Db } from './sql.ts';

/** The open hold of a camera that lasts longest, or null; whatever its range, the camera is not purged before its end. */
export function activeHold(
  db: Db,
  cameraId: string,
  nowMs: number,
): Promise<{ reason: string; untilMs: number | null } | null> {
  return maybeOne(
    db,
    z
      .object({ reason: z.string(), until_at: instant.nullable() })
      .transform((row) => ({ reason: row.reason, untilMs: row.until_at })),
    `select reason, until_at from hold
     where camera_id = (select id from camera where public_id = $1::uuid) and released_at is null
       and coalesce(until_at, 'infinity') > $2::timestamptz
     order by until_at desc nulls first limit 1`,
    [cameraId, at(nowMs)],
  );
}

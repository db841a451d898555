import { z } from 'zod';
import { profileRow, type Profile } from './profiles.ts';
import { at, many, type Db } from './sql.ts';

/** Shows what the profile makes of the camera's stream, and why. @param isFirst it takes the place of none */
export async function saveDecision(
  db: Db,
  internalId: number,
  decision: { variant: number; action: 'copy' | 'encode' | 'undecided'; reason: string },
  isFirst = false,
): Promise<void> {
  await db.query(
    `update camera set finish_profile_id = $2::smallint, finish_action = $3::text, finish_reason = $4::text
     where id = $1::int and profile_id = $2::smallint
       and (finish_profile_id, finish_action, finish_reason) is distinct from ($2::smallint, $3::text, $4::text)
       and not ($5::boolean and finish_profile_id is not distinct from $2::smallint)`,
    [internalId, decision.variant, decision.action, decision.reason, isFirst],
  );
}

/** A camera whose profile has made nothing of its stream yet. */
export interface UndecidedCamera {
  internalId: number;
  profile: Profile;
  /** The number that finals of this profile bear. */
  variant: number;
  /** Of the last probe. */
  hasBFrames: boolean;
}

/** Cameras that have sources stored since then, and no decision of their profile. */
export function undecidedCameras(db: Db, sinceMs: number, limit: number): Promise<UndecidedCamera[]> {
  return many(
    db,
    z
      .object({ id: z.number(), profile: profileRow, profile_id: z.number(), b_frames: z.boolean() })
      .transform((row): UndecidedCamera => ({
        internalId: row.id,
        profile: row.profile,
        variant: row.profile_id,
        hasBFrames: row.b_frames,
      })),
    `select c.id, to_jsonb(p) as profile, p.id as profile_id,
       coalesce((c.stream ->> 'hasBFrames')::boolean, false) as b_frames
     from camera c join profile p on p.id = c.profile_id
     where c.finish_profile_id is distinct from c.profile_id and c.status not in ('purging', 'purged')
       and exists (
         select from segment s
         where s.camera_id = c.id and s.start_at >= $1::timestamptz and s.state = 0 and s.variant = 0)
     order by c.id limit $2::int`,
    [at(sinceMs), limit],
  );
}

import { z } from 'zod';
import { at, bigint, instant, many, one, type Db } from './sql.ts';

/** A camera that is purged, or will be when its grace is over, and what that deletes. Times in ms since 1970. */
export interface UpcomingPurge {
  cameraId: string;
  name: string;
  state: 'grace' | 'purging';
  /** When it begins, or began; null: not before a hold is released. */
  atMs: number | null;
  segments: number;
  durationMs: number;
  bytes: number;
}

const purgeRow = z.object({
  id: z.number(),
  public_id: z.string(),
  name: z.string(),
  status: z.enum(['grace', 'purging']),
  at: instant.nullable(),
});
const amounts = z.object({ segments: z.number(), duration_ms: bigint, bytes: bigint });

/**
 * Purges that have begun or whose camera's grace ends by then, the first first, with all footage that is there now.
 * Camera by camera, by the index alone: a year of one is 53,000 segments, and a tenant that leaves has hundreds.
 */
export async function upcomingPurges(
  db: Db,
  of: { nowMs: number; untilMs: number; cameraId?: string | undefined },
): Promise<UpcomingPurge[]> {
  const cameras = await many(
    db,
    purgeRow,
    `select c.id, c.public_id, c.name, c.status, case
         when c.status = 'purging' then p.begun_at
         when h.until_at = 'infinity' then null
         else greatest(c.grace_ends_at, h.until_at) end as at
     from camera c left join camera_purge p on p.camera_id = c.id
     cross join lateral (
       -- whatever its range, the camera is not purged before a hold's end
       select max(coalesce(until_at, 'infinity')) as until_at from hold
       where camera_id = c.id and released_at is null and coalesce(until_at, 'infinity') > $1::timestamptz) h
     where c.intent = 'retired' and ($3::uuid is null or c.public_id = $3::uuid)
       and (c.status = 'purging' or (c.status = 'grace' and c.grace_ends_at <= $2::timestamptz))
     order by coalesce(p.begun_at, c.grace_ends_at), c.id`,
    [at(of.nowMs), at(of.untilMs), of.cameraId ?? null],
  );
  const found: UpcomingPurge[] = [];
  for (const { id, public_id: cameraId, name, status: state, at: atMs } of cameras) {
    const left = await one(
      db,
      amounts,
      `select count(*)::int as segments, coalesce(sum(duration_ms), 0)::bigint as duration_ms,
         coalesce(sum(bytes), 0)::bigint as bytes
       from segment where camera_id = $1::int`,
      [id],
    );
    const { segments, bytes, duration_ms: durationMs } = left;
    found.push({ cameraId, name, state, atMs, segments, durationMs, bytes });
  }
  return found;
}

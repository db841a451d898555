import { z } from 'zod';
import { at, bigint, instant, many, one, type Db } from './sql.ts';

/** A camera that is purged, or will be when its grace is over. Times in ms since 1970. */
interface PlannedPurge {
  internalId: number;
  cameraId: string;
  name: string;
  state: 'grace' | 'purging';
  /** When it begins, or began; null: not before a hold is released. */
  atMs: number | null;
}

/** And what that deletes. */
export interface UpcomingPurge extends Omit<PlannedPurge, 'internalId'> {
  segments: number;
  durationMs: number;
  bytes: number;
}

const purgeRow = z
  .object({
    id: z.number(),
    public_id: z.string(),
    name: z.string(),
    status: z.enum(['grace', 'purging']),
    at: instant.nullable(),
  })
  .transform((row): PlannedPurge => ({
    internalId: row.id,
    cameraId: row.public_id,
    name: row.name,
    state: row.status,
    atMs: row.at,
  }));
const amounts = z.object({ segments: z.number(), duration_ms: bigint, bytes: bigint });

interface PurgesOf {
  nowMs: number;
  untilMs: number;
  cameraId?: string | undefined;
  tenantId?: string | undefined;
}

/** Purges that have begun or whose camera's grace ends by then, the first first. No footage is looked at. */
export function plannedPurges(db: Db, of: PurgesOf): Promise<PlannedPurge[]> {
  return many(
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
       and ($4::uuid is null or c.tenant_id = (select id from tenant where public_id = $4::uuid))
       and (c.status = 'purging' or (c.status = 'grace' and c.grace_ends_at <= $2::timestamptz))
     order by coalesce(p.begun_at, c.grace_ends_at), c.id`,
    [at(of.nowMs), at(of.untilMs), of.cameraId ?? null, of.tenantId ?? null],
  );
}

/**
 * `plannedPurges` with all footage that is there now. Camera by camera, by the index alone: a year of one is 53,000
 * segments, and a tenant that leaves has hundreds.
 */
export async function upcomingPurges(db: Db, of: PurgesOf): Promise<UpcomingPurge[]> {
  const found: UpcomingPurge[] = [];
  for (const { internalId, ...purge } of await plannedPurges(db, of)) {
    const left = await one(
      db,
      amounts,
      `select count(*)::int as segments, coalesce(sum(duration_ms), 0)::bigint as duration_ms,
         coalesce(sum(bytes), 0)::bigint as bytes
       from segment where camera_id = $1::int`,
      [internalId],
    );
    const { segments, bytes, duration_ms: durationMs } = left;
    found.push({ ...purge, segments, durationMs, bytes });
  }
  return found;
}

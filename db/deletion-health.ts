import { z } from 'zod';
import { at, instant, many, one, type Db } from './sql.ts';

/**
 * What a purge that could go on waits for: `hold`; `workflow`: that it begins; `work`: that it goes on; and what
 * `PurgeWait` says.
 */
export const purgeWaits = ['hold', 'workflow', 'work', 'spool', 'finish-job', 'store', 'error'] as const;
/** What a purge that has begun waits for; `store`: objects that are locked; `error`: a step fails and is tried again. */
export type PurgeWait = 'spool' | 'finish-job' | 'store' | 'error';

export interface WaitingPurge {
  cameraId: string;
  name: string;
  waitsFor: (typeof purgeWaits)[number];
  /** A sentence. */
  reason: string | null;
  sinceMs: number;
}

/** Purges that are due or begun and not done, the longest first. */
export function waitingPurges(db: Db, nowMs: number, limit: number): Promise<WaitingPurge[]> {
  return many(
    db,
    z
      .object({
        public_id: z.string(),
        name: z.string(),
        waits_for: z.enum(purgeWaits),
        reason: z.string().nullable(),
        since: instant,
      })
      .transform((row): WaitingPurge => ({
        cameraId: row.public_id,
        name: row.name,
        waitsFor: row.waits_for,
        reason: row.reason,
        sinceMs: row.since,
      })),
    `select c.public_id, c.name, coalesce(p.waits_reason, c.status_reason) as reason,
       coalesce(p.waits_since, p.begun_at, c.grace_ends_at) as since,
       case when c.status = 'purging' then coalesce(p.waits_for, 'work')
         when exists (select from hold h where h.camera_id = c.id and h.released_at is null
           and coalesce(h.until_at, 'infinity') > $1::timestamptz) then 'hold'
         else 'workflow' end as waits_for
     from camera c left join camera_purge p on p.camera_id = c.id
     where c.intent = 'retired'
       and (c.status = 'purging' or (c.status = 'grace' and c.grace_ends_at <= $1::timestamptz))
     order by since, c.id limit $2::int`,
    [at(nowMs), limit],
  );
}

/** Notes what a begun purge waits for, and since when. */
export async function notePurgeWait(
  db: Db,
  cameraId: string,
  wait: { for: PurgeWait; reason: string; nowMs: number },
): Promise<void> {
  await db.query(
    `update camera_purge set waits_for = $2::text, waits_reason = $3::text,
       waits_since = case when waits_for = $2::text then waits_since else $4::timestamptz end
     where camera_id = (select id from camera where public_id = $1::uuid) and begun_at is not null`,
    [cameraId, wait.for, wait.reason, at(wait.nowMs)],
  );
}

/** How rolling deletions go; times in ms since 1970, null: there is none. */
export interface DeletionHealth {
  /** When the last whole sweep looked, or when there was first something to sweep. */
  sweptMs: number | null;
  /** Objects that the last sweep could not delete, and since when there are such. */
  refused: number;
  refusedSinceMs: number | null;
  /** The same of the collector. */
  uncollected: number;
  uncollectedSinceMs: number | null;
  /** The oldest rolling deletion that is in no certificate. */
  uncertifiedMs: number | null;
}

export function deletionHealth(db: Db): Promise<DeletionHealth> {
  return one(
    db,
    z
      .object({
        swept_at: instant.nullable(),
        refused: z.number(),
        refused_since: instant.nullable(),
        uncollected: z.number(),
        uncollected_since: instant.nullable(),
        uncertified: instant.nullable(),
      })
      .transform((row): DeletionHealth => ({
        sweptMs: row.swept_at,
        refused: row.refused,
        refusedSinceMs: row.refused_since,
        uncollected: row.uncollected,
        uncollectedSinceMs: row.uncollected_since,
        uncertifiedMs: row.uncertified,
      })),
    `select coalesce(s.swept_at, (select min(created_at) from camera)) as swept_at, s.refused, s.refused_since,
       gc.uncollected, gc.uncollected_since,
       -- by the index on time: the ledger has millions of rows
       (select deleted_at from deleted_segment where cause = 'retention' order by deleted_at limit 1) as uncertified
     from retention_sweep s
     cross join (select count(*)::int as uncollected, min(refused_since) as uncollected_since
       from object_gc where refused_since is not null) gc`,
  );
}

import { z } from 'zod';
import type { CameraDue } from '../domain/camera-breaker.ts';
import { cutoffMs } from '../domain/retention.ts';
import { heldSql } from './holds.ts';
import type { CameraTerms } from './retention.ts';
import { at, bigint, instant, many, one, type Db } from './sql.ts';

/** Footage of a camera that becomes due within one step. */
export interface DueFootage {
  internalId: number;
  /** Index into the instants that were asked for; due by the first one is due by all. */
  step: number;
  segments: number;
  durationMs: number;
  bytes: number;
}

/**
 * What will be due when: each live segment counts at the first instant by which it is older than the cutoff and no
 * hold lasts. Reads the primary key alone, camera by camera: what is not due by the last instant is not read.
 * @param cameras the cutoff of each at each instant
 * @param atMs the instants, in order
 * @param perStatement so many cameras are looked up at once: a week of 3,000 is too much for one statement's 30 s
 */
export async function dueFootage(
  db: Db,
  cameras: readonly PlannedCamera[],
  atMs: readonly number[],
  perStatement = 100,
): Promise<DueFootage[]> {
  const found: DueFootage[][] = [];
  for (let from = 0; from < cameras.length; from += perStatement) {
    found.push(await dueOfSome(db, cameras.slice(from, from + perStatement), atMs));
  }
  return found.flat();
}

/** As `dueFootage`, by the rules of each camera. */
export function dueByTerms(db: Db, cameras: readonly CameraTerms[], atMs: readonly number[]): Promise<DueFootage[]> {
  const plan = cameras.map((terms) => ({
    internalId: terms.internalId,
    cutoffsMs: atMs.map((ms) => cutoffMs(terms, ms)),
  }));
  return dueFootage(db, plan, atMs);
}

/** What was found for one instant, of each camera. */
export function dueOfEach(found: readonly DueFootage[]): CameraDue[] {
  return found.map(({ internalId, durationMs }) => ({ internalId, dueMs: durationMs }));
}

interface PlannedCamera {
  internalId: number;
  cutoffsMs: readonly number[];
}

function dueOfSome(db: Db, cameras: readonly PlannedCamera[], atMs: readonly number[]): Promise<DueFootage[]> {
  const plan = cameras.map(({ internalId, cutoffsMs }) => ({
    camera_id: internalId,
    cutoffs: cutoffsMs.map((ms) => new Date(ms).toISOString()),
    last_cutoff: new Date(cutoffsMs.at(-1) ?? 0).toISOString(),
  }));
  return many(
    db,
    z
      .object({ camera_id: z.number(), step: z.number(), segments: z.number(), duration_ms: bigint, bytes: bigint })
      .transform((row): DueFootage => ({
        internalId: row.camera_id,
        step: row.step,
        segments: row.segments,
        durationMs: row.duration_ms,
        bytes: row.bytes,
      })),
    `select p.camera_id, due.step, due.segments, due.duration_ms, due.bytes
     from jsonb_to_recordset($1::jsonb) as p (camera_id int, cutoffs timestamptz[], last_cutoff timestamptz)
     -- Grouped in here, so that each camera is looked up by itself: a join would read the whole table.
     cross join lateral (
       select found.step, count(*)::int as segments, sum(found.duration_ms)::bigint as duration_ms,
         sum(found.bytes)::bigint as bytes
       from (
         -- an instant of whole ms lies beyond n others that are not before the ms before it
         select s.duration_ms, s.bytes, greatest(
           width_bucket(s.start_at + (s.duration_ms - 1) * interval '1 ms', p.cutoffs),
           (select width_bucket(max(coalesce(h.until_at, 'infinity')) - interval '1 ms', $2::timestamptz[])
            from hold h where h.camera_id = p.camera_id and h.released_at is null
              and h.start_at < s.start_at + s.duration_ms * interval '1 ms' and h.end_at > s.start_at)) as step
         from segment s
         where s.camera_id = p.camera_id and s.state = 0 and s.start_at < p.last_cutoff
           and s.start_at + s.duration_ms * interval '1 ms' <= p.last_cutoff
       ) found
       where found.step < cardinality($2::timestamptz[])
       group by found.step
     ) due
     order by p.camera_id, due.step`,
    [JSON.stringify(plan), atMs.map((ms) => at(ms))],
  );
}

/** End of the newest footage that ages, of all cameras; null: there is none. One look at the primary key for each. */
export async function newestFootageMs(db: Db): Promise<number | null> {
  const { newest } = await one(
    db,
    z.object({ newest: instant.nullable() }),
    `select max(s.end_at) as newest from camera c cross join lateral (
       select start_at + duration_ms * interval '1 ms' as end_at from segment
       where camera_id = c.id and state = 0 order by start_at desc limit 1) s
     where c.status not in ('purging', 'purged')`,
  );
  return newest;
}

/**
 * Marks a camera's due rows, oldest first: from here on they are not shown, and their deletion goes on whatever
 * happens. Call it while `lockTerms` holds.
 * @param due.afterMs start of the last row marked before: skips what the index still holds of deleted rows
 * @returns how many
 */
export async function markDue(
  db: Db,
  internalId: number,
  due: { cutoffMs: number; atMs: number; afterMs?: number | undefined; limit: number },
): Promise<number> {
  const { rowCount } = await db.query(
    `update segment s set state = 1
     from (select start_at from segment d
       where d.camera_id = $1::int and d.state = 0 and d.start_at > coalesce($4::timestamptz, '-infinity')
         and d.start_at < $2::timestamptz and d.start_at + d.duration_ms * interval '1 ms' <= $2::timestamptz
         and not ${heldSql('d', '$3')}
       order by d.start_at limit $5::int) due
     -- the range again, or the planner may read all of the camera's neighbours to join them
     where s.camera_id = $1::int and s.start_at = due.start_at and s.start_at < $2::timestamptz
       and s.start_at > coalesce($4::timestamptz, '-infinity')`,
    [internalId, at(due.cutoffMs), at(due.atMs), at(due.afterMs), due.limit],
  );
  return rowCount ?? 0;
}

import { z } from 'zod';
import { gapToleranceMs, type Hole } from '../domain/gaps.ts';
import { grouped } from '../domain/grouped.ts';
import { at, instant, many, type Db } from './sql.ts';

export interface HoleRange {
  fromMs: number;
  toMs: number;
  nowMs: number;
  /** The retention cutoff: what lies before it is no hole any more. */
  keptFromMs?: number | undefined;
  /** Before this nothing is pending: no footage comes any more. */
  settledMs?: number | undefined;
  /** No more than so many, the first ones. */
  limit?: number | undefined;
}

/**
 * Where footage is missing for more than the tolerance, between a camera's creation and its retirement (or now). Only
 * live rows count, and of those not the time in which their camera sent no pictures.
 *
 * Time after the watermark (`last_end_at`) is pending while a camera records: its footage may be on its way from the
 * spool. So there only what a claim covers is a hole, be the claim still open (the recorder says that media stopped)
 * or closed (it came back, and the first segment after it is not committed yet). The same holds for windows whose
 * footage a spool keeps until their final is stored.
 */
export async function holesBetween(
  db: Db,
  cameraId: string,
  fromMs: number,
  toMs: number,
  options: Omit<HoleRange, 'fromMs' | 'toMs'>,
): Promise<Hole[]> {
  return (await holesOf(db, [cameraId], { fromMs, toMs, ...options })).get(cameraId) ?? [];
}

/** `holesBetween` of many cameras; one without holes is not in the answer. */
export async function holesOf(db: Db, cameraIds: readonly string[], range: HoleRange): Promise<Map<string, Hole[]>> {
  const rows = await many(
    db,
    z.object({ public_id: z.string(), start_at: instant, end_at: instant }),
    `with bounds as (
       select c.id, c.public_id,
         greatest($2::timestamptz, c.created_at, $5::timestamptz) as from_at,
         least($3::timestamptz, c.retired_at, $4::timestamptz) as to_at,
         l.last_end_at, (
           select coalesce(range_agg(tstzrange(w.spool_from_at, w.spool_to_at)), '{}') from finish_window w
           where w.camera_id = c.id and w.spool_host_id is not null and w.spool_from_at < $3::timestamptz
             and w.spool_to_at > $2::timestamptz) as held
       from camera c join camera_lease l on l.camera_id = c.id
       where c.public_id = any($1::uuid[])
     ), missing as (
       select b.public_id, tstzrange(hole.start_at, hole.end_at) as span
       from bounds b
       cross join lateral (
         select
           greatest(b.from_at, max(covered.end_at) over (
             order by covered.start_at, covered.end_at rows between unbounded preceding and 1 preceding)) as start_at,
           covered.start_at as end_at
         from (
           select s.start_at, s.start_at + s.duration_ms * interval '1 ms' as end_at
           from segment s
           where s.camera_id = b.id and s.state = 0
             and s.start_at > b.from_at - interval '1 hour' and s.start_at < b.to_at
           union all
           -- pending: after the watermark or held in a spool, and claimed by nobody
           select lower(part), upper(part)
           from unnest(
             tstzmultirange(tstzrange(least(greatest(b.last_end_at, $8::timestamptz), b.to_at), b.to_at)) + b.held - (
               select coalesce(range_agg(tstzrange(g.start_at, g.end_at)), '{}') from gap g
               where g.camera_id = b.id
                 and coalesce(g.end_at, 'infinity') > least(b.last_end_at, coalesce(lower(b.held), b.last_end_at)))) as part
           union all
           select b.to_at, b.to_at
         ) as covered
       ) as hole
       where b.from_at < b.to_at and hole.end_at - hole.start_at > $6::int * interval '1 ms'
       union all
       -- within rows
       select b.public_id, tstzrange(greatest(b.from_at, g.start_at), least(b.to_at, g.end_at))
       from bounds b join gap g on g.camera_id = b.id and g.in_footage
       where b.from_at < b.to_at and g.start_at > b.from_at - interval '1 hour' and g.start_at < b.to_at
         and g.end_at > b.from_at
     )
     select each.public_id, lower(part) as start_at, upper(part) as end_at
     from (select public_id, range_agg(span) as spans from missing group by public_id) each
     cross join lateral unnest(each.spans) as part
     order by lower(part) limit $7::int`,
    [
      cameraIds,
      at(range.fromMs),
      at(range.toMs),
      at(range.nowMs),
      at(range.keptFromMs),
      gapToleranceMs,
      range.limit ?? null,
      at(range.settledMs),
    ],
  );
  return grouped(
    rows,
    (row) => row.public_id,
    (row) => ({ startMs: row.start_at, endMs: row.end_at }),
  );
}

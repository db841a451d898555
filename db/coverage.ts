import { z } from 'zod';
import type { CameraLife, ExplainedCoverage } from '../domain/coverage.ts';
import { gapReasons } from '../domain/gap-reason.ts';
import { at, bigint, instant, many, one, type Db } from './sql.ts';

/** A camera whose coverage is counted. */
export interface CountedCamera extends CameraLife {
  internalId: number;
  cameraId: string;
  retentionDays: number;
  /** The first day that is not counted to its end and has not reached its age; at the latest the first unsettled one. */
  countFromMs: number;
}

/**
 * A page of the cameras that are not being purged, in the order they were made.
 * @param times.settledMs days before this one are not counted anew
 */
export function camerasToCount(
  db: Db,
  page: { afterInternalId: number; limit: number },
  times: { settledMs: number; nowMs: number },
): Promise<CountedCamera[]> {
  return many(
    db,
    z
      .object({
        id: z.number(),
        public_id: z.string(),
        created_at: instant,
        retired_at: instant.nullable(),
        last_end_at: instant,
        retention_days: z.number(),
        count_from: instant,
      })
      .transform((row): CountedCamera => ({
        internalId: row.id,
        cameraId: row.public_id,
        createdAtMs: row.created_at,
        retiredAtMs: row.retired_at,
        lastSegmentEndMs: row.last_end_at,
        retentionDays: row.retention_days,
        countFromMs: row.count_from,
      })),
    `select c.id, c.public_id, c.created_at, c.retired_at, l.last_end_at, c.retention_days,
       coalesce(
         (select min(d.day) from generate_series(
            date_trunc('day', greatest(c.created_at, $4::timestamptz - c.retention_days * interval '1 day')
              at time zone 'UTC'),
            $3::timestamptz at time zone 'UTC' - interval '1 day', interval '1 day') as d (day)
          left join coverage_day k on k.camera_id = c.id and k.day = d.day::date
          where d.day at time zone 'UTC' < coalesce(c.retired_at, 'infinity')
            and (k.day is null
              or k.known_until < least((d.day + interval '1 day') at time zone 'UTC', c.retired_at))
         ) at time zone 'UTC', $3::timestamptz) as count_from
     from camera c join camera_lease l on l.camera_id = c.id
     where c.id > $1::int and c.status not in ('purging', 'purged') order by c.id limit $2::int`,
    [page.afterInternalId, page.limit, at(times.settledMs), at(times.nowMs)],
  );
}

/** One camera's UTC day as it was counted. */
export interface CoverageDay extends ExplainedCoverage {
  internalId: number;
  /** The day's first instant. */
  dayMs: number;
  knownUntilMs: number;
  /** Some of its footage has reached its age since. */
  trimmed: boolean;
  /** How much of it reached its age before it was counted. */
  uncountedMs: number;
}

export const dayColumns = {
  camera_id: z.number(),
  day: instant,
  known_until: instant,
  wanted_ms: z.number(),
  recorded_ms: z.number(),
  gaps: z.number(),
  lost_ms: z.partialRecord(z.enum(gapReasons), z.number()),
  trimmed: z.boolean(),
  uncounted_ms: z.number(),
};

/** A `date` comes as midnight of whatever zone the process lives in; an instant does not. */
export const selectDay = `d.camera_id, d.day::timestamp at time zone 'UTC' as day, d.known_until, d.wanted_ms, d.recorded_ms,
  d.gaps, d.lost_ms, d.trimmed, d.uncounted_ms`;

export function toDay(row: z.output<z.ZodObject<typeof dayColumns>>): CoverageDay {
  return {
    internalId: row.camera_id,
    dayMs: row.day,
    knownUntilMs: row.known_until,
    wantedMs: row.wanted_ms,
    recordedMs: row.recorded_ms,
    gaps: row.gaps,
    lostMs: row.lost_ms,
    trimmed: row.trimmed,
    uncountedMs: row.uncounted_ms,
  };
}

/** What is counted already of these cameras' days from `fromMs` on. */
export function countedDays(db: Db, internalIds: readonly number[], fromMs: number): Promise<CoverageDay[]> {
  return many(
    db,
    z.object(dayColumns).transform(toDay),
    `select ${selectDay} from coverage_day d
     where d.camera_id = any($1::int[]) and d.day >= ($2::timestamptz at time zone 'UTC')::date`,
    [internalIds, at(fromMs)],
  );
}

/** Keeps counted days, in place of what was counted of them before. */
export async function saveDays(db: Db, days: readonly CoverageDay[]): Promise<void> {
  if (days.length === 0) return;
  await db.query(
    `insert into coverage_day
       (camera_id, day, known_until, wanted_ms, recorded_ms, gaps, lost_ms, trimmed, uncounted_ms)
     select camera_id, (day at time zone 'UTC')::date, known_until, wanted_ms, recorded_ms, gaps, lost_ms, trimmed,
       uncounted_ms
     from unnest($1::int[], $2::timestamptz[], $3::timestamptz[], $4::int[], $5::int[], $6::int[], $7::jsonb[],
       $8::boolean[], $9::int[])
       as d (camera_id, day, known_until, wanted_ms, recorded_ms, gaps, lost_ms, trimmed, uncounted_ms)
     on conflict (camera_id, day) do update set known_until = excluded.known_until, wanted_ms = excluded.wanted_ms,
       recorded_ms = excluded.recorded_ms, gaps = excluded.gaps, lost_ms = excluded.lost_ms,
       trimmed = excluded.trimmed, uncounted_ms = excluded.uncounted_ms`,
    [
      days.map(({ internalId }) => internalId),
      days.map(({ dayMs }) => at(dayMs)),
      days.map(({ knownUntilMs }) => at(knownUntilMs)),
      days.map(({ wantedMs }) => wantedMs),
      days.map(({ recordedMs }) => recordedMs),
      days.map(({ gaps }) => gaps),
      days.map(({ lostMs }) => JSON.stringify(lostMs)),
      days.map(({ trimmed }) => trimmed),
      days.map(({ uncountedMs }) => uncountedMs),
    ],
  );
}

/** A camera's counted days that begin in [fromMs, toMs), in order; `startMs` is the camera's creation on its first. */
export function keptDays(
  db: Db,
  cameraId: string,
  fromMs: number,
  toMs: number,
): Promise<{ startMs: number; endMs: number; wantedMs: number; recordedMs: number }[]> {
  return many(
    db,
    z
      .object({ start_at: instant, known_until: instant, wanted_ms: z.number(), recorded_ms: z.number() })
      .transform((row) => ({
        startMs: row.start_at,
        endMs: row.known_until,
        wantedMs: row.wanted_ms,
        recordedMs: row.recorded_ms,
      })),
    `select greatest(d.day::timestamp at time zone 'UTC', c.created_at) as start_at, d.known_until, d.wanted_ms,
       d.recorded_ms
     from coverage_day d join camera c on c.id = d.camera_id
     where c.public_id = $1::uuid and d.day >= ($2::timestamptz at time zone 'UTC')::date
       and d.day::timestamp at time zone 'UTC' < $3::timestamptz
     order by d.day`,
    [cameraId, at(fromMs), at(toMs)],
  );
}

/** Wanted time lost since `sinceMs`'s day, by reason: for /metrics. */
export function lostSince(db: Db, sinceMs: number): Promise<{ reason: (typeof gapReasons)[number]; ms: number }[]> {
  return many(
    db,
    z.object({ reason: z.enum(gapReasons), ms: bigint }),
    `select l.key as reason, sum(l.value::bigint) as ms
     from coverage_day d, jsonb_each_text(d.lost_ms) l
     where d.day >= ($1::timestamptz at time zone 'UTC')::date group by l.key`,
    [at(sinceMs)],
  );
}

/** Notes that all cameras have been counted. */
export async function noteRollUp(db: Db, nowMs: number): Promise<void> {
  await db.query(`update coverage_roll_up set counted_at = $1::timestamptz`, [at(nowMs)]);
}

/** As of when all cameras were counted last, or since when there has been something to count; null: nothing yet. */
export async function lastRollUp(db: Db): Promise<{ countedMs: number | null; sinceMs: number | null }> {
  return one(
    db,
    z
      .object({ counted_at: instant.nullable(), since: instant.nullable() })
      .transform((row) => ({ countedMs: row.counted_at, sinceMs: row.counted_at ?? row.since })),
    `select counted_at, (select min(created_at) from camera) as since from coverage_roll_up`,
  );
}

import { z } from 'zod';
import type { CameraLife, ExplainedCoverage } from '../domain/coverage.ts';
import { gapReasons } from '../domain/gap-reason.ts';
import { at, bigint, instant, many, type Db } from './sql.ts';

/** A camera whose coverage is counted. */
export interface CountedCamera extends CameraLife {
  internalId: number;
  cameraId: string;
  retentionDays: number;
}

/** A page of the cameras that are not being purged, in the order they were made. */
export function camerasToCount(db: Db, afterInternalId: number, limit: number): Promise<CountedCamera[]> {
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
      })
      .transform((row): CountedCamera => ({
        internalId: row.id,
        cameraId: row.public_id,
        createdAtMs: row.created_at,
        retiredAtMs: row.retired_at,
        lastSegmentEndMs: row.last_end_at,
        retentionDays: row.retention_days,
      })),
    `select c.id, c.public_id, c.created_at, c.retired_at, l.last_end_at, c.retention_days
     from camera c join camera_lease l on l.camera_id = c.id
     where c.id > $1::int and c.status not in ('purging', 'purged') order by c.id limit $2::int`,
    [afterInternalId, limit],
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
}

const dayColumns = {
  camera_id: z.number(),
  day: instant,
  known_until: instant,
  wanted_ms: z.number(),
  recorded_ms: z.number(),
  gaps: z.number(),
  lost_ms: z.partialRecord(z.enum(gapReasons), z.number()),
  trimmed: z.boolean(),
};

/** A `date` comes as midnight of whatever zone the process lives in; an instant does not. */
const selectDay = `d.camera_id, d.day::timestamp at time zone 'UTC' as day, d.known_until, d.wanted_ms, d.recorded_ms,
  d.gaps, d.lost_ms, d.trimmed`;

function toDay(row: z.output<z.ZodObject<typeof dayColumns>>): CoverageDay {
  return {
    internalId: row.camera_id,
    dayMs: row.day,
    knownUntilMs: row.known_until,
    wantedMs: row.wanted_ms,
    recordedMs: row.recorded_ms,
    gaps: row.gaps,
    lostMs: row.lost_ms,
    trimmed: row.trimmed,
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
    `insert into coverage_day (camera_id, day, known_until, wanted_ms, recorded_ms, gaps, lost_ms, trimmed)
     select camera_id, (day at time zone 'UTC')::date, known_until, wanted_ms, recorded_ms, gaps, lost_ms, trimmed
     from unnest($1::int[], $2::timestamptz[], $3::timestamptz[], $4::int[], $5::int[], $6::int[], $7::jsonb[],
       $8::boolean[]) as d (camera_id, day, known_until, wanted_ms, recorded_ms, gaps, lost_ms, trimmed)
     on conflict (camera_id, day) do update set known_until = excluded.known_until, wanted_ms = excluded.wanted_ms,
       recorded_ms = excluded.recorded_ms, gaps = excluded.gaps, lost_ms = excluded.lost_ms,
       trimmed = excluded.trimmed`,
    [
      days.map(({ internalId }) => internalId),
      days.map(({ dayMs }) => at(dayMs)),
      days.map(({ knownUntilMs }) => at(knownUntilMs)),
      days.map(({ wantedMs }) => wantedMs),
      days.map(({ recordedMs }) => recordedMs),
      days.map(({ gaps }) => gaps),
      days.map(({ lostMs }) => JSON.stringify(lostMs)),
      days.map(({ trimmed }) => trimmed),
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

/** The counted days of all of a tenant's cameras in [fromMs, toMs), by camera and day. */
export function daysOfTenant(
  db: Db,
  tenantId: string,
  fromMs: number,
  toMs: number,
): Promise<(CoverageDay & { cameraId: string; name: string })[]> {
  return many(
    db,
    z
      .object({ ...dayColumns, public_id: z.string(), name: z.string() })
      .transform((row) => ({ ...toDay(row), cameraId: row.public_id, name: row.name })),
    `select ${selectDay}, c.public_id, c.name
     from coverage_day d join camera c on c.id = d.camera_id join tenant t on t.id = c.tenant_id
     where t.public_id = $1::uuid and d.day >= ($2::timestamptz at time zone 'UTC')::date
       and d.day < ($3::timestamptz at time zone 'UTC')::date
     order by c.name, c.id, d.day`,
    [tenantId, at(fromMs), at(toMs)],
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

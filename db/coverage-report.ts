import { z } from 'zod';
import type { ReportedCamera, ReportedDay } from '../domain/coverage-report.ts';
import type { Hole } from '../domain/gaps.ts';
import { dayColumns, selectDay, toDay } from './coverage.ts';
import { at, instant, many, type Db } from './sql.ts';

/** The counted days of all of a tenant's cameras in [fromMs, toMs), by camera and day. */
export function daysOfTenant(db: Db, tenantId: string, fromMs: number, toMs: number): Promise<ReportedDay[]> {
  return many(
    db,
    z
      .object({ ...dayColumns, public_id: z.string() })
      .transform((row): ReportedDay => ({ ...toDay(row), cameraId: row.public_id })),
    `select ${selectDay}, c.public_id
     from coverage_day d join camera c on c.id = d.camera_id join tenant t on t.id = c.tenant_id
     where t.public_id = $1::uuid and d.day >= ($2::timestamptz at time zone 'UTC')::date
       and d.day < ($3::timestamptz at time zone 'UTC')::date
     order by c.id, d.day`,
    [tenantId, at(fromMs), at(toMs)],
  );
}

/** A tenant's cameras of which there is something to count in [fromMs, toMs), by name, and when. */
export function camerasOfTenant(db: Db, tenantId: string, fromMs: number, toMs: number): Promise<ReportedCamera[]> {
  return many(
    db,
    z
      .object({
        public_id: z.string(),
        name: z.string(),
        start_at: instant,
        end_at: instant,
        is_purged: z.boolean(),
      })
      .transform((row): ReportedCamera => ({
        cameraId: row.public_id,
        name: row.name,
        startMs: row.start_at,
        endMs: row.end_at,
        isPurged: row.is_purged,
      })),
    `select c.public_id, c.name, greatest(c.created_at, $2::timestamptz) as start_at,
       least(c.retired_at, $3::timestamptz) as end_at, c.status in ('purging', 'purged') as is_purged
     from camera c join tenant t on t.id = c.tenant_id
     where t.public_id = $1::uuid and c.created_at < $3::timestamptz
       and coalesce(c.retired_at, 'infinity') > $2::timestamptz
     order by c.name, c.id`,
    [tenantId, at(fromMs), at(toMs)],
  );
}

/** When a tenant's cameras were paused in [fromMs, toMs). */
export function pausesOfTenant(
  db: Db,
  tenantId: string,
  fromMs: number,
  toMs: number,
): Promise<(Hole & { cameraId: string })[]> {
  return many(
    db,
    z
      .object({ public_id: z.string(), start_at: instant, end_at: instant })
      .transform((row) => ({ cameraId: row.public_id, startMs: row.start_at, endMs: row.end_at })),
    `select c.public_id, g.start_at, coalesce(g.end_at, $3::timestamptz) as end_at
     from tenant t join camera c on c.tenant_id = t.id join gap g on g.camera_id = c.id
     where t.public_id = $1::uuid and g.reason = 'paused' and g.start_at < $3::timestamptz
       and coalesce(g.end_at, 'infinity') > $2::timestamptz`,
    [tenantId, at(fromMs), at(toMs)],
  );
}

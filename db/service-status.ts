import { z } from 'zod';
import { cameraStates, type CameraState } from '../domain/camera.ts';
import { gapReasons, type GapReason } from '../domain/gap-reason.ts';
import { at, bigint, instant, many, one, type Db } from './sql.ts';

/** How many cameras are in each state; states without cameras are left out. */
export function countCamerasByState(db: Db): Promise<{ state: CameraState; count: number }[]> {
  return many(
    db,
    z.object({ state: z.enum(cameraStates), count: z.number() }),
    `select status as state, count(*)::int as count from camera group by status`,
  );
}

/** How many wanted cameras each host has: those that no other host has taken since. */
export async function wantedByHost(db: Db): Promise<Map<string, number>> {
  const rows = await many(
    db,
    z.object({ host_id: z.string(), count: z.number() }),
    `select host_id, count(*)::int as count from camera_lease where wanted and host_id is not null group by host_id`,
  );
  return new Map(rows.map((row) => [row.host_id, row.count]));
}

/** A camera that is wanted and gives no footage. */
export interface FailingCamera {
  cameraId: string;
  name: string;
  state: CameraState;
  reason: string | null;
  sinceMs: number;
  /** What went wrong last, in a sentence. */
  lastError: string | null;
}

/** Wanted cameras that are not recorded, the longest first: since their footage stopped, whatever the state did since. */
export function failingCameras(db: Db, limit: number): Promise<FailingCamera[]> {
  return many(
    db,
    z
      .object({
        public_id: z.string(),
        name: z.string(),
        status: z.enum(cameraStates),
        status_reason: z.string().nullable(),
        status_at: instant,
        last_error: z.string().nullable(),
      })
      .transform((row): FailingCamera => ({
        cameraId: row.public_id,
        name: row.name,
        state: row.status,
        reason: row.status_reason,
        sinceMs: row.status_at,
        lastError: row.last_error,
      })),
    `select c.public_id, c.name, c.status, c.status_reason, least(c.status_at, g.start_at) as status_at,
       g.evidence ->> 'lastError' as last_error
     from camera c left join gap g on g.camera_id = c.id and g.end_at is null and g.reason <> 'operator'
     where c.intent = 'record' and c.status in ('reconnecting', 'attention', 'no-slot')
     order by least(c.status_at, g.start_at), c.id limit $1`,
    [limit],
  );
}

/** How old the newest committed footage of wanted cameras is, in ms; null where there are none. */
export function footageAge(
  db: Db,
  nowMs: number,
): Promise<{ p50: number | null; p99: number | null; max: number | null }> {
  return one(
    db,
    z.object({ p50: z.number().nullable(), p99: z.number().nullable(), max: z.number().nullable() }),
    `select percentile_cont(0.5) within group (order by age) as p50, percentile_cont(0.99) within group (order by age) as p99,
       max(age) as max
     from (select (greatest(0, extract(epoch from $1::timestamptz - l.last_end_at)) * 1000)::float8 as age
       from camera c join camera_lease l on l.camera_id = c.id where c.intent = 'record') as ages`,
    [at(nowMs)],
  );
}

/** Gaps that are open now, by reason. */
export function openGapsByReason(db: Db): Promise<{ reason: GapReason; count: number }[]> {
  return many(
    db,
    z.object({ reason: z.enum(gapReasons), count: z.number() }),
    `select reason, count(*)::int as count from gap where end_at is null group by reason`,
  );
}

/** Objects that wait for their deletion, by what made them useless. */
export function waitingObjects(db: Db): Promise<{ reason: string; count: number }[]> {
  return many(
    db,
    z.object({ reason: z.string(), count: bigint }),
    `select reason, count(*) as count from object_gc group by reason`,
  );
}

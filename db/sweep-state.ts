import { z } from 'zod';
import type { CameraDue, CameraForecast } from '../domain/camera-breaker.ts';
import { sweepStops, type Approval, type DueForecast, type SweepStop } from '../domain/sweep-breaker.ts';
import { resumeWork, stopWork, type Breaker } from './breaker.ts';
import { dueByTerms, dueOfEach } from './due-footage.ts';
import { allTerms } from './retention.ts';
import { at, bigint, instant, one, type Db, type Transaction } from './sql.ts';

/** The retention sweep: what the last one did, what the next one may find, and whether it may run. */
export interface SweepState {
  /** As of when the last whole sweep looked. */
  sweptMs: number | null;
  /** As of when the last one looked, be it whole or not. */
  lookedMs: number | null;
  segments: number;
  bytes: number;
  refused: number;
  forecast: DueForecast[];
  /** Where more of a camera will be due than time alone brings. */
  cameraForecast: CameraForecast[];
  stopped: (SweepStop & { atMs: number; dueMs: number }) | null;
  /** When an operator let a stopped sweep go on, since the last one that looked. */
  resumedMs: number | null;
  /** Footage that an operator lets the next sweep delete beyond the forecast. */
  approved: Approval | null;
}

const cameraDue = z.object({ internalId: z.number(), dueMs: z.number() });
const stateRow = z
  .object({
    swept_at: instant.nullable(),
    looked_at: instant.nullable(),
    segments: z.number(),
    bytes: bigint,
    refused: z.number(),
    forecast: z.array(z.object({ atMs: z.number(), dueMs: z.number() })),
    camera_forecast: z.array(cameraDue.extend({ atMs: z.number().nullable() })),
    stopped_at: instant.nullable(),
    stop_reason: z.enum(sweepStops).nullable(),
    stop_text: z.string().nullable(),
    stopped_due_ms: bigint,
    resumed_at: instant.nullable(),
    approved_ms: bigint,
    approved_as_of: instant.nullable(),
    approved_cameras: z.array(cameraDue),
  })
  .transform((row): SweepState => {
    const { stopped_at: atMs, stop_reason: reason, stopped_due_ms: dueMs } = row;
    const stopped = atMs === null || reason === null ? null : { reason, text: row.stop_text ?? '', atMs, dueMs };
    const asOfMs = row.approved_as_of;
    return {
      sweptMs: row.swept_at,
      lookedMs: row.looked_at ?? row.swept_at,
      segments: row.segments,
      bytes: row.bytes,
      refused: row.refused,
      forecast: row.forecast,
      cameraForecast: row.camera_forecast,
      stopped,
      resumedMs: row.resumed_at,
      approved: asOfMs === null ? null : { dueMs: row.approved_ms, asOfMs, cameras: row.approved_cameras },
    };
  });

export function sweepState(db: Db): Promise<SweepState> {
  return one(
    db,
    stateRow,
    `select swept_at, looked_at, segments, bytes, refused, forecast, camera_forecast, stopped_at, stop_reason, stop_text,
       stopped_due_ms, resumed_at, approved_ms, approved_as_of, approved_cameras from retention_sweep`,
  );
}

const breaker: Breaker = {
  table: 'retention_sweep',
  found: 'stopped_due_ms',
  approved: 'approved_ms',
  name: 'The retention sweep',
};

/** Stops all sweeps until an operator resumes them. @param stop.dueOf of which cameras `dueMs` is */
export async function stopSweeps(
  db: Db,
  { dueMs, dueOf = [], ...stop }: SweepStop & { atMs: number; dueMs: number; dueOf?: readonly CameraDue[] },
): Promise<void> {
  await db.query(`update retention_sweep set stopped_cameras = $1::jsonb`, [JSON.stringify(dueOf)]);
  await stopWork(db, breaker, { ...stop, found: dueMs });
}

/**
 * Lets sweeps run again: the clocks are good, and what was due when they were stopped may be deleted. Where it was a
 * clock that stopped them, what was due by it means nothing: then it is what is due by `nowMs`.
 * @param nowMs the database's clock, which each sweep compares with its own
 * @throws AppError wrong-state when they are not stopped
 */
export async function resumeSweeps(tx: Transaction, nowMs: number): Promise<void> {
  const { stopped } = await sweepState(tx);
  await tx.query(
    `update retention_sweep set resumed_at = $1::timestamptz, approved_as_of = stopped_at,
       approved_cameras = stopped_cameras, stopped_cameras = '[]'`,
    [at(nowMs)],
  );
  await resumeWork(tx, breaker);
  if (stopped === null || stopped.reason === 'unpredicted') return;
  const cameras = dueOfEach(await dueByTerms(tx, await allTerms(tx), [nowMs]));
  await tx.query(
    `update retention_sweep set approved_as_of = $1::timestamptz, approved_ms = $2::bigint, approved_cameras = $3::jsonb`,
    [at(nowMs), cameras.reduce((sum, { dueMs }) => sum + dueMs, 0), JSON.stringify(cameras)],
  );
}

/** Lets the next sweep delete this much of a camera more than was forecast: a hold over it was released. */
export async function expectMore(db: Db, { internalId, dueMs }: CameraDue): Promise<void> {
  const more: CameraForecast = { internalId, atMs: null, dueMs };
  await db.query(
    `update retention_sweep set camera_forecast = camera_forecast || $2::jsonb, forecast = coalesce((
       select jsonb_agg(jsonb_set(step, '{dueMs}', to_jsonb((step ->> 'dueMs')::bigint + $1::bigint)))
       from jsonb_array_elements(forecast) as step), '[]')`,
    [dueMs, JSON.stringify([more])],
  );
}

/**
 * Notes a sweep, and what was forecast at its end.
 * @param sweep.isWhole false: a part of it failed
 * @param sweep.knownEntries how many entries the forecast by camera had before this one was made: those after them are of
 * holds that were released meanwhile, and stay
 */
export async function noteSweep(
  db: Db,
  sweep: {
    atMs: number;
    segments: number;
    bytes: number;
    refused: number;
    forecast: readonly DueForecast[];
    cameraForecast?: readonly CameraForecast[];
    knownEntries: number;
    isWhole: boolean;
  },
): Promise<void> {
  await db.query(
    `update retention_sweep set looked_at = $1::timestamptz,
       swept_at = case when $6::boolean then $1::timestamptz else swept_at end, segments = $2::int, bytes = $3::bigint,
       refused = $4::int, refused_since = case when $4::int > 0 then coalesce(refused_since, $1::timestamptz)
         when not $6::boolean then refused_since end,
       camera_forecast = $7::jsonb || coalesce((
         select jsonb_agg(entry) from jsonb_array_elements(camera_forecast) with ordinality as one (entry, place)
         where place > $8::int), '[]'),
       forecast = coalesce((
         select jsonb_agg(jsonb_set(step, '{dueMs}', to_jsonb((step ->> 'dueMs')::bigint + coalesce((
           select sum((entry ->> 'dueMs')::bigint)
           from jsonb_array_elements(camera_forecast) with ordinality as one (entry, place)
           where place > $8::int), 0))))
         from jsonb_array_elements($5::jsonb) as step), '[]'),
       approved_ms = 0, approved_as_of = null,
       approved_cameras = '[]', resumed_at = null`,
    [
      at(sweep.atMs),
      sweep.segments,
      sweep.bytes,
      sweep.refused,
      JSON.stringify(sweep.forecast),
      sweep.isWhole,
      JSON.stringify(sweep.cameraForecast ?? []),
      sweep.knownEntries,
    ],
  );
}

import { z } from 'zod';
import type { WindowRef } from './finish-windows.ts';
import { at, instant, one, type Db } from './sql.ts';

/** As long as Temporal lets a job run: copies of an encoder that is lost with its disk are not waited for any longer. */
export const longestJobMs = 10 * 3_600_000;

/**
 * Notes that a finish job is about to take copies of a camera's footage onto its host's disk. A purge that is about to
 * begin is waited for; one that begins later waits until they are gone.
 * @returns false once the camera is purged or is no more: nothing of it may be copied
 */
export async function beginCopies(db: Db, ref: WindowRef): Promise<boolean> {
  const { rowCount } = await db.query(
    `with kept as (
       select id from camera where public_id = $1::uuid and status not in ('purging', 'purged') for share
     )
     insert into finish_copy (camera_id, window_start_at, reencode_id, generation, begun_at)
     select id, $2::timestamptz, $3::int, $4::int, clock_timestamp() from kept
     on conflict (camera_id, window_start_at, reencode_id, generation) do update set begun_at = excluded.begun_at`,
    [ref.cameraId, at(ref.windowStartMs), ref.reencodeId, ref.generation],
  );
  return rowCount === 1;
}

/** Notes that a job's copies are gone. */
export async function endCopies(db: Db, ref: WindowRef): Promise<void> {
  await db.query(
    `delete from finish_copy
     where camera_id = (select id from camera where public_id = $1::uuid) and window_start_at = $2::timestamptz
       and reencode_id = $3::int and generation = $4::int`,
    [ref.cameraId, at(ref.windowStartMs), ref.reencodeId, ref.generation],
  );
}

/** Forgets what jobs have noted that were killed and never came back: no purge waits for them any more. */
export async function forgetCopies(db: Db): Promise<void> {
  await db.query(`delete from finish_copy where begun_at < clock_timestamp() - interval '1 day'`);
}

/** Whether a camera's purge has begun, so that jobs on its footage are to stop. */
export async function isBeingPurged(db: Db, cameraId: string): Promise<boolean> {
  const { rowCount } = await db.query(
    `select from camera where public_id = $1::uuid and status in ('purging', 'purged')`,
    [cameraId],
  );
  return rowCount === 1;
}

/** How many finish jobs have copies of a camera's footage, and until when at most; null = none has. */
export async function copiesOf(
  db: Db,
  internalId: number,
  nowMs: number,
): Promise<{ jobs: number; untilMs: number } | null> {
  const { jobs, last } = await one(
    db,
    z.object({ jobs: z.number(), last: instant.nullable() }),
    `select count(*)::int as jobs, max(begun_at) as last from finish_copy
     where camera_id = $1::int and begun_at > $2::timestamptz`,
    [internalId, at(nowMs - longestJobMs)],
  );
  return last === null ? null : { jobs, untilMs: last + longestJobMs };
}

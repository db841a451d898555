import { z } from 'zod';
import { longestJobMs } from '../domain/finish-window.ts';
import { at, instant, many, one, type Db } from './sql.ts';

/** A try of a finish job, which has copies of a camera's footage on its host's disk. */
export interface FinishCopies {
  /** UUID of this try alone: one that was given up for lost may still be at work when the next begins. */
  id: string;
  workerId: string;
  host: string;
  cameraId: string;
}

/**
 * Notes that a try is about to take copies of a camera's footage onto its host's disk. A purge that is about to
 * begin is waited for; one that begins later waits until they are gone.
 * @returns false once the camera is purged or is no more: nothing of it may be copied
 */
export async function beginCopies(db: Db, copies: FinishCopies): Promise<boolean> {
  const { rowCount } = await db.query(
    `with kept as (
       select id from camera where public_id = $1::uuid and status not in ('purging', 'purged') for share
     )
     insert into finish_copy (id, camera_id, worker_id, host, begun_at)
     select $2::uuid, id, $3::uuid, $4::text, clock_timestamp() from kept`,
    [copies.cameraId, copies.id, copies.workerId, copies.host],
  );
  return rowCount === 1;
}

/** Notes that these tries' copies are gone. */
export async function endCopies(db: Db, ids: readonly string[]): Promise<void> {
  await db.query(`delete from finish_copy where id = any($1::uuid[])`, [ids]);
}

/**
 * Notes that the copies of a dead worker are gone with its folder. Not of tries that began in the last 5 minutes: they
 * show that it was taken for dead while it lives, and has made its folder again.
 */
export async function endCopiesOf(db: Db, workerId: string): Promise<void> {
  await db.query(
    `delete from finish_copy where worker_id::text = $1::text and begun_at < clock_timestamp() - interval '5 minutes'`,
    [workerId],
  );
}

/** Notes that all copies of a worker are gone, which has ended and removed its folder itself. */
export async function endOwnCopies(db: Db, workerId: string): Promise<void> {
  await db.query(`delete from finish_copy where worker_id = $1::uuid`, [workerId]);
}

/** Tries of finish jobs on a host whose copies of a camera's footage nobody has seen to be gone. */
export interface UnseenCopies {
  host: string;
  jobs: number;
  /** When the last of them began. */
  lastMs: number;
}

/** By host; however old: what a killed encoder left lies there until one starts again. */
export function unseenCopies(db: Db, internalId: number): Promise<UnseenCopies[]> {
  return many(
    db,
    z
      .object({ host: z.string(), jobs: z.number(), last: instant })
      .transform(({ host, jobs, last }): UnseenCopies => ({ host, jobs, lastMs: last })),
    `select host, count(*)::int as jobs, max(begun_at) as last from finish_copy where camera_id = $1::int
     group by host order by host`,
    [internalId],
  );
}

/** Whether a camera's purge has begun, so that jobs on its footage are to stop. */
export async function isBeingPurged(db: Db, cameraId: string): Promise<boolean> {
  const { rowCount } = await db.query(
    `select from camera where public_id = $1::uuid and status in ('purging', 'purged')`,
    [cameraId],
  );
  return rowCount === 1;
}

/** How many tries of finish jobs have copies of a camera's footage, and until when at most; null = none has. */
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

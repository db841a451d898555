import { z } from 'zod';
import { objectColumns, objectShape, toObjectRow, type ObjectRow } from './object-row.ts';
import { at, many, type Db } from './sql.ts';

/** Why footage is deleted: it has reached its age, or its camera is purged. */
export type DeletionCause = 'retention' | 'purge';

/**
 * A camera's rows that are marked as deleting (the API does not show them any more, their objects may or may not be
 * there), oldest first; also those that an earlier deletion left when it was killed.
 * @param page.afterMs start of the last row of the page before
 */
export function markedSegments(
  db: Db,
  internalId: number,
  page: { afterMs?: number | undefined; limit: number },
): Promise<ObjectRow[]> {
  return many(
    db,
    objectShape.transform(toObjectRow),
    `select ${objectColumns} from segment
     where camera_id = $1::int and state = 1 and start_at > coalesce($2::timestamptz, '-infinity')
     order by start_at limit $3::int`,
    [internalId, at(page.afterMs), page.limit],
  );
}

/** The internal ids of cameras with marked rows: deletions to go on with. */
export function camerasWithMarkedSegments(db: Db): Promise<number[]> {
  return many(
    db,
    z.object({ camera_id: z.number() }).transform((row) => row.camera_id),
    `select distinct camera_id from segment where state = 1 order by camera_id`,
  );
}

/**
 * Deletes marked rows whose objects are seen to be gone, and writes them into the ledger that certificates are made
 * of: one statement, so that a kill leaves both or neither. They are noted at the database's time, in the statement
 * itself: a host whose clock is slow, or that stood still for an hour, would note them in a month that is certified.
 * @param deletion.atMs for tests of time: instead of it
 * @returns how many rows went; fewer than asked when another deletion was first
 */
export async function forgetMarked(
  db: Db,
  internalId: number,
  segments: readonly ObjectRow[],
  deletion: { cause: DeletionCause; atMs?: number | undefined },
): Promise<number> {
  const { rowCount } = await db.query(
    `with gone as (
       delete from segment where camera_id = $1::int and state = 1 and start_at = any($2::timestamptz[])
       returning camera_id, start_at, sha256, duration_ms, bytes, epoch, variant
     ), noted as (
       insert into deleted_segment (camera_id, start_at, sha256, duration_ms, bytes, epoch, variant, cause, deleted_at)
       select camera_id, start_at, sha256, duration_ms, bytes, epoch, variant,
         -- Once a purge has begun its certificate takes in what a sweep under way deletes. What the purge itself has
         -- marked is read after it began, so that this statement sees it, too.
         case when (select status from camera where id = $1::int) in ('purging', 'purged') then 'purge' else $3::text end,
         coalesce($4::timestamptz, clock_timestamp()) from gone
       on conflict do nothing
     )
     select from gone`,
    [internalId, segments.map(({ startMs }) => at(startMs)), deletion.cause, at(deletion.atMs)],
  );
  return rowCount ?? 0;
}

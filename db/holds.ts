import { z } from 'zod';
import type { Hold } from '../domain/holds.ts';
import { AppError } from '../errors.ts';
import { lockCamera, noSuchCamera } from './cameras.ts';
import { at, instant, many, maybeOne, one, type Db, type Transaction } from './sql.ts';

/**
 * Whether an open hold touches a segment, as an SQL condition.
 * @param alias of the segment's row
 * @param asOf parameter with the time at which the hold must still last
 */
export const heldSql = (alias: string, asOf: string): string => `exists (
    select from hold h where h.camera_id = ${alias}.camera_id and h.released_at is null
      and coalesce(h.until_at, 'infinity') > ${asOf}::timestamptz
      and h.start_at < ${alias}.start_at + ${alias}.duration_ms * interval '1 ms' and h.end_at > ${alias}.start_at)`;

const holdRow = z
  .object({
    public_id: z.string(),
    camera_id: z.string(),
    tenant_id: z.string(),
    start_at: instant,
    end_at: instant,
    reason: z.string(),
    placed_by: z.string(),
    placed_at: instant,
    until_at: instant.nullable(),
    released_at: instant.nullable(),
    released_by: z.string().nullable(),
  })
  .transform((row): Hold => ({
    id: row.public_id,
    cameraId: row.camera_id,
    tenantId: row.tenant_id,
    startMs: row.start_at,
    endMs: row.end_at,
    reason: row.reason,
    placedBy: row.placed_by,
    placedAtMs: row.placed_at,
    untilMs: row.until_at,
    releasedAtMs: row.released_at,
    releasedBy: row.released_by,
  }));

const selectHold = `select h.public_id, c.public_id as camera_id, t.public_id as tenant_id, h.start_at, h.end_at,
    h.reason, h.placed_by, h.placed_at, h.until_at, h.released_at, h.released_by
  from hold h join camera c on c.id = h.camera_id join tenant t on t.id = c.tenant_id`;

/**
 * Places a hold. It waits for a deletion that is marking this camera's footage just now, and later ones see it.
 * @returns the hold, and how much of its range is being deleted already and cannot be kept any more
 * @throws AppError not-found; wrong-state when the camera is purged or being purged
 */
export async function placeHold(
  tx: Transaction,
  wanted: Pick<Hold, 'cameraId' | 'startMs' | 'endMs' | 'reason' | 'untilMs' | 'placedBy' | 'placedAtMs'>,
): Promise<{ hold: Hold; beingDeleted: { segments: number; durationMs: number } }> {
  await lockCamera(tx, wanted.cameraId);
  const camera = await maybeOne(
    tx,
    z.object({ id: z.number(), status: z.string() }),
    `select id, status from camera where public_id = $1::uuid`,
    [wanted.cameraId],
  );
  if (camera === null) throw noSuchCamera();
  if (camera.status === 'purging' || camera.status === 'purged') {
    throw new AppError('wrong-state', `This camera is ${camera.status}; its footage cannot be held any more.`);
  }
  const { public_id } = await one(
    tx,
    z.object({ public_id: z.string() }),
    `insert into hold (camera_id, start_at, end_at, reason, placed_by, placed_at, until_at)
     values ($1::int, $2::timestamptz, $3::timestamptz, $4::text, $5::text, $6::timestamptz, $7::timestamptz)
     returning public_id`,
    [
      camera.id,
      at(wanted.startMs),
      at(wanted.endMs),
      wanted.reason,
      wanted.placedBy,
      at(wanted.placedAtMs),
      at(wanted.untilMs),
    ],
  );
  const beingDeleted = await one(
    tx,
    z
      .object({ segments: z.number(), duration_ms: z.coerce.number() })
      .transform((row) => ({ segments: row.segments, durationMs: row.duration_ms })),
    `select count(*)::int as segments, coalesce(sum(duration_ms), 0) as duration_ms from segment
     where camera_id = $1::int and state = 1 and start_at < $3::timestamptz
       and start_at + duration_ms * interval '1 ms' > $2::timestamptz`,
    [camera.id, at(wanted.startMs), at(wanted.endMs)],
  );
  const hold = await holdById(tx, public_id);
  if (hold === null) throw new Error('the hold that was placed is not there');
  return { hold, beingDeleted };
}

/**
 * Releases a hold: its footage goes by the rules again.
 * @returns the hold, and the config version to send when the camera is retired: its purge may have waited for this
 * @throws AppError not-found; wrong-state when it is released already
 */
export async function releaseHold(
  tx: Transaction,
  id: string,
  released: { by: string; nowMs: number },
): Promise<{ hold: Hold; version: number | null }> {
  const found = await holdById(tx, id);
  if (found === null) throw new AppError('not-found', 'There is no such hold.');
  await lockCamera(tx, found.cameraId);
  const { rowCount } = await tx.query(
    `update hold set released_at = $2::timestamptz, released_by = $3::text
     where public_id = $1::uuid and released_at is null`,
    [id, at(released.nowMs), released.by],
  );
  if (rowCount !== 1) throw new AppError('wrong-state', 'This hold is released already.');
  const retired = await maybeOne(
    tx,
    z.object({ config_version: z.number() }),
    `update camera set config_version = config_version + 1
     where public_id = $1::uuid and intent = 'retired' and status = 'grace' returning config_version`,
    [found.cameraId],
  );
  const hold = { ...found, releasedAtMs: released.nowMs, releasedBy: released.by };
  return { hold, version: retired?.config_version ?? null };
}

/** Holds that ended by their own time and of which the audit log was not told; from here on it was. */
export async function takeEndedHolds(tx: Transaction, nowMs: number): Promise<Hold[]> {
  const taken = await many(
    tx,
    z.object({ id: z.number() }).transform(({ id }) => id),
    `update hold set end_noted_at = $1::timestamptz
     where until_at <= $1::timestamptz and released_at is null and end_noted_at is null returning id`,
    [at(nowMs)],
  );
  return many(tx, holdRow, `${selectHold} where h.id = any($1::int[]) order by h.until_at, h.id`, [taken]);
}

/** The hold with this id, or null. */
export function holdById(db: Db, id: string): Promise<Hold | null> {
  return maybeOne(db, holdRow, `${selectHold} where h.public_id = $1::uuid`, [id]);
}

/** A page of holds in the order they were placed. */
export function listHolds(
  db: Db,
  page: { cameraId?: string | undefined; afterId?: string | undefined; limit: number },
): Promise<Hold[]> {
  return many(
    db,
    holdRow,
    `${selectHold}
     where ($1::uuid is null or c.public_id = $1::uuid) and ($2::uuid is null or h.public_id > $2::uuid)
     order by h.public_id limit $3::int`,
    [page.cameraId ?? null, page.afterId ?? null, page.limit],
  );
}

/** Where the held footage of a camera before an instant begins, or null when none is held. */
export async function heldFromMs(db: Db, cameraId: string, beforeMs: number, nowMs: number): Promise<number | null> {
  const { start_at } = await one(
    db,
    z.object({ start_at: instant.nullable() }),
    `select min(start_at) as start_at from hold
     where camera_id = (select id from camera where public_id = $1::uuid) and released_at is null
       and coalesce(until_at, 'infinity') > $3::timestamptz and start_at < $2::timestamptz`,
    [cameraId, at(beforeMs), at(nowMs)],
  );
  return start_at;
}

/** The open hold of a camera that lasts longest, or null; whatever its range, the camera is not purged before its end. */
export function activeHold(
  db: Db,
  cameraId: string,
  nowMs: number,
): Promise<{ reason: string; untilMs: number | null } | null> {
  return maybeOne(
    db,
    z
      .object({ reason: z.string(), until_at: instant.nullable() })
      .transform((row) => ({ reason: row.reason, untilMs: row.until_at })),
    `select reason, until_at from hold
     where camera_id = (select id from camera where public_id = $1::uuid) and released_at is null
       and coalesce(until_at, 'infinity') > $2::timestamptz
     order by until_at desc nulls first limit 1`,
    [cameraId, at(nowMs)],
  );
}

/** Whether a hold keeps the footage of a camera that reaches into a range. */
export async function isHeld(
  db: Db,
  cameraId: string,
  range: { startMs: number; endMs: number },
  atMs: number,
): Promise<boolean> {
  const { rowCount } = await db.query(
    `select from hold
     where camera_id = (select id from camera where public_id = $1::uuid) and released_at is null
       and coalesce(until_at, 'infinity') > $4::timestamptz and start_at < $3::timestamptz and end_at > $2::timestamptz
     limit 1`,
    [cameraId, at(range.startMs), at(range.endMs), at(atMs)],
  );
  return rowCount === 1;
}

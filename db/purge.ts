import { z } from 'zod';
import { cameraStates } from '../domain/camera.ts';
import { AppError } from '../errors.ts';
import { noSuchCamera } from './cameras.ts';
import { at, instant, many, maybeOne, one, type Db, type Transaction } from './sql.ts';

export type PurgeCause = 'grace-ended' | 'requested' | 'tenant-deleted';

/**
 * Ends a retired camera's grace period now. From here on it cannot be reactivated; its workflow purges it as soon as
 * no hold stands against that.
 * @param request.by who asked, as the audit log names them
 * @returns the config version that the workflow's update carries
 * @throws AppError not-found; wrong-state unless the camera is retired and its purge has not begun
 */
export async function requestPurge(
  tx: Transaction,
  cameraId: string,
  request: { by: string; cause: Exclude<PurgeCause, 'grace-ended'>; nowMs: number },
): Promise<number> {
  const camera = await maybeOne(
    tx,
    z.object({ id: z.number(), intent: z.string(), status: z.enum(cameraStates) }),
    `select id, intent, status from camera where public_id = $1::uuid for update`,
    [cameraId],
  );
  if (camera === null) throw noSuchCamera();
  if (camera.intent !== 'retired') {
    throw new AppError('wrong-state', 'Only a retired camera can be purged. Retire it first.');
  }
  if (camera.status !== 'grace') throw new AppError('wrong-state', `This camera is ${camera.status} already.`);
  await tx.query(
    `insert into camera_purge (camera_id, cause, requested_by) values ($1::int, $2::text, $3::text)
     on conflict (camera_id) do update set cause = excluded.cause, requested_by = excluded.requested_by`,
    [camera.id, request.cause, request.by],
  );
  const { config_version } = await one(
    tx,
    z.object({ config_version: z.number() }),
    `update camera set config_version = config_version + 1, grace_ends_at = least(grace_ends_at, $2::timestamptz)
     where id = $1::int returning config_version`,
    [camera.id, at(request.nowMs)],
  );
  return config_version;
}

/** What stands in the way of a purge, or that it goes on from here. */
export type PurgeBegin =
  | { kind: 'begun' }
  /** It was begun before. */
  | { kind: 'goes-on' }
  | { kind: 'purged' }
  /** The camera is wanted again. */
  | { kind: 'wanted' }
  | { kind: 'not-due'; dueMs: number };

/**
 * Begins a purge that is due, or finds it begun. Its first step is the fence: the lease's epoch is raised and the
 * camera's status changed in one transaction, whereupon nothing of it can be committed any more, and no epoch taken.
 * Every host that was ever seen is asked to empty its spool of the camera.
 * @param clock.nowMs the earlier of the clocks there are
 */
export async function beginPurge(tx: Transaction, cameraId: string, clock: { nowMs: number }): Promise<PurgeBegin> {
  const camera = await maybeOne(
    tx,
    z.object({ id: z.number(), intent: z.string(), status: z.enum(cameraStates), grace_ends_at: instant.nullable() }),
    `select id, intent, status, grace_ends_at from camera where public_id = $1::uuid for update`,
    [cameraId],
  );
  if (camera === null || camera.status === 'purged') return { kind: 'purged' };
  if (camera.status === 'purging') return { kind: 'goes-on' };
  if (camera.intent !== 'retired' || camera.grace_ends_at === null) return { kind: 'wanted' };
  if (clock.nowMs < camera.grace_ends_at) return { kind: 'not-due', dueMs: camera.grace_ends_at };

  await tx.query(
    `with fenced as (
       update camera_lease set epoch = epoch + 1, wanted = false where camera_id = $1::int returning epoch
     )
     insert into camera_purge (camera_id, cause, begun_at, epoch)
     select $1::int, 'grace-ended', $2::timestamptz, epoch from fenced
     on conflict (camera_id) do update set begun_at = excluded.begun_at, epoch = excluded.epoch`,
    [camera.id, at(clock.nowMs)],
  );
  await tx.query(
    `update camera set status = 'purging', status_reason = null, status_at = $2::timestamptz where id = $1::int`,
    [camera.id, at(clock.nowMs)],
  );
  await tx.query(`delete from finish_window where camera_id = $1::int`, [camera.id]);
  await tx.query(
    `insert into purge_spool (camera_id, host_id) select $1::int, host_id from recorder on conflict do nothing`,
    [camera.id],
  );
  return { kind: 'begun' };
}

/** Marks up to `limit` rows of a purged camera, oldest first. @returns how many */
export async function markForPurge(db: Db, internalId: number, limit: number): Promise<number> {
  const { rowCount } = await db.query(
    `update segment s set state = 1
     from (select start_at from segment where camera_id = $1::int and state = 0 order by start_at limit $2::int) d
     where s.camera_id = $1::int and s.start_at = d.start_at`,
    [internalId, limit],
  );
  return rowCount ?? 0;
}

/** How many rows a purged camera still has: those whose objects the store did not give up. */
export async function rowsLeft(db: Db, internalId: number): Promise<number> {
  const count = z.object({ count: z.number() });
  return (await one(db, count, `select count(*)::int as count from segment where camera_id = $1::int`, [internalId]))
    .count;
}

/** A camera that is purged, and what its certificate says. Times in ms since 1970. */
export interface PurgedCamera {
  internalId: number;
  cameraId: string;
  name: string;
  tenantId: string;
  tenantName: string;
  status: (typeof cameraStates)[number];
  retiredAtMs: number | null;
  graceEndedAtMs: number | null;
  cause: PurgeCause;
  requestedBy: string | null;
  begunAtMs: number;
  epoch: number;
  /** Counted by a version that did not note keys (see `noteFound`), in a purge that was under way; 0 in all others. */
  furtherObjects: number;
}

/** The purge of a camera, or null when none has begun. */
export function purgeOf(db: Db, cameraId: string): Promise<PurgedCamera | null> {
  return maybeOne(
    db,
    z
      .object({
        id: z.number(),
        public_id: z.string(),
        name: z.string(),
        tenant_id: z.string(),
        tenant_name: z.string(),
        status: z.enum(cameraStates),
        retired_at: instant.nullable(),
        grace_ends_at: instant.nullable(),
        cause: z.enum(['grace-ended', 'requested', 'tenant-deleted']),
        requested_by: z.string().nullable(),
        begun_at: instant,
        epoch: z.number(),
        further_objects: z.number(),
      })
      .transform((row): PurgedCamera => ({
        internalId: row.id,
        cameraId: row.public_id,
        name: row.name,
        tenantId: row.tenant_id,
        tenantName: row.tenant_name,
        status: row.status,
        retiredAtMs: row.retired_at,
        graceEndedAtMs: row.grace_ends_at,
        cause: row.cause,
        requestedBy: row.requested_by,
        begunAtMs: row.begun_at,
        epoch: row.epoch,
        furtherObjects: row.further_objects,
      })),
    `select c.id, c.public_id, c.name, t.public_id as tenant_id, t.name as tenant_name, c.status, c.retired_at,
       c.grace_ends_at, p.cause, p.requested_by, p.begun_at, p.epoch, p.further_objects
     from camera_purge p join camera c on c.id = p.camera_id join tenant t on t.id = c.tenant_id
     where c.public_id = $1::uuid and p.begun_at is not null`,
    [cameraId],
  );
}

/** Until when a finish job that ran when the purge began may still store an object; null = none does. */
export async function storesUntilMs(db: Db, prefix: string, nowMs: number): Promise<number | null> {
  const { until } = await one(
    db,
    z.object({ until: instant.nullable() }),
    `select max(not_before) as until from object_gc
     where starts_with(key, $1::text) and reason = 'unfinished' and not_before > $2::timestamptz`,
    [prefix, at(nowMs)],
  );
  return until;
}

/**
 * Notes what is found below a purged camera's prefix, before it is removed: whoever is killed meanwhile loses no count.
 * The collector leaves these keys alone, and they go with the purge's end.
 */
export async function noteFound(db: Db, keys: readonly string[]): Promise<void> {
  await db.query(
    `insert into object_gc (key, reason, not_before)
     select key, 'purge', 'infinity' from unnest($1::text[]) as key order by key
     on conflict (key) do update set reason = excluded.reason, not_before = excluded.not_before, refused_since = null`,
    [keys],
  );
}

/** What `noteFound` has noted. */
export function foundKeys(db: Db, prefix: string): Promise<string[]> {
  return many(
    db,
    z.object({ key: z.string() }).transform((row) => row.key),
    `select key from object_gc where starts_with(key, $1::text) and reason = 'purge'`,
    [prefix],
  );
}

/**
 * Takes out of the catalogue what was kept of a purged camera. Its row stays, without its address and login, for
 * certificates and the audit log.
 */
export async function endPurge(tx: Transaction, camera: PurgedCamera, prefix: string, nowMs: number): Promise<void> {
  // Gaps first: their triggers write events.
  for (const table of ['gap', 'camera_event', 'finish_window', 'finish_copy', 'reconcile_finding', 'segment_check']) {
    await tx.query(`delete from ${table} where camera_id = $1::int`, [camera.internalId]);
  }
  await tx.query(`delete from object_gc where starts_with(key, $1::text)`, [prefix]);
  await tx.query(
    `update camera set status = 'purged', status_reason = null, status_at = $2::timestamptz, sealed_url = '',
       url_redacted = '', stream = null, sealed_substream_url = null, substream_url_redacted = null
     where id = $1::int`,
    [camera.internalId, at(nowMs)],
  );
  await tx.query(`update camera_purge set ended_at = $2::timestamptz where camera_id = $1::int`, [
    camera.internalId,
    at(nowMs),
  ]);
}

import { z } from 'zod';
import { at, instant, many, type Db } from './sql.ts';

/** The cameras whose footage this host is to remove from its spool. */
export function spoolsToEmpty(db: Db, hostId: string): Promise<string[]> {
  return many(
    db,
    z.object({ public_id: z.string() }).transform((row) => row.public_id),
    `select c.public_id from purge_spool s join camera c on c.id = s.camera_id
     where s.host_id = $1::uuid and s.emptied_at is null order by c.id`,
    [hostId],
  );
}

/** A host says that nothing of a camera is left in its spool. */
export async function confirmSpoolEmpty(
  db: Db,
  spool: { cameraId: string; hostId: string },
  atMs: number,
): Promise<void> {
  await db.query(
    `update purge_spool set emptied_at = $3::timestamptz
     where camera_id = (select id from camera where public_id = $1::uuid) and host_id = $2::uuid
       and emptied_at is null`,
    [spool.cameraId, spool.hostId, at(atMs)],
  );
}

/**
 * An operator says that a host's spool does not exist any more: purges do not wait for it, and certificates say who
 * said so.
 * @returns whether there is such a host that was not declared before
 */
export async function declareDestroyed(db: Db, hostId: string, by: string, atMs: number): Promise<boolean> {
  const { rowCount } = await db.query(
    `update recorder set destroyed_at = $3::timestamptz, destroyed_by = $2::text
     where host_id = $1::uuid and destroyed_at is null`,
    [hostId, by, at(atMs)],
  );
  return rowCount === 1;
}

/** The cameras whose purge waits for this host. */
export function purgesWaitingFor(db: Db, hostId: string): Promise<{ cameraId: string; configVersion: number }[]> {
  return many(
    db,
    z
      .object({ public_id: z.string(), config_version: z.number() })
      .transform((row) => ({ cameraId: row.public_id, configVersion: row.config_version })),
    `select c.public_id, c.config_version from purge_spool s join camera c on c.id = s.camera_id
     where s.host_id = $1::uuid and s.emptied_at is null`,
    [hostId],
  );
}

/** What a host's spool said, or that it has not yet. */
export interface PurgeSpool {
  hostId: string;
  seenMs: number;
  emptiedAtMs: number | null;
  destroyed: { atMs: number; by: string } | null;
}

/** All spools that a purge asked. */
export function spoolsOf(db: Db, internalId: number): Promise<PurgeSpool[]> {
  return many(
    db,
    z
      .object({
        host_id: z.string(),
        seen_at: instant,
        emptied_at: instant.nullable(),
        destroyed_at: instant.nullable(),
        destroyed_by: z.string().nullable(),
      })
      .transform((row): PurgeSpool => ({
        hostId: row.host_id,
        seenMs: row.seen_at,
        emptiedAtMs: row.emptied_at,
        destroyed: row.destroyed_at === null ? null : { atMs: row.destroyed_at, by: row.destroyed_by ?? '' },
      })),
    `select s.host_id, r.seen_at, s.emptied_at, r.destroyed_at, r.destroyed_by
     from purge_spool s join recorder r on r.host_id = s.host_id where s.camera_id = $1::int order by s.host_id`,
    [internalId],
  );
}

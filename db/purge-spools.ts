import { z } from 'zod';
import { isDestroyed } from './recorders.ts';
import { at, instant, many, maybeOne, type Db, type Transaction } from './sql.ts';

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

/** Recorders give a sign of life every 5 s. */
const countsAsAliveMs = 60_000;

/**
 * An operator says that a host's spool does not exist any more: purges do not wait for it, and certificates say who
 * said so. It holds until the host is seen again.
 * @param nowMs the earlier of the clocks there are
 * @returns `declared`; `known`: it was before; `alive`: it was seen within the last minute; `unknown`: there is no such
 * host
 */
export async function declareDestroyed(
  tx: Transaction,
  hostId: string,
  by: string,
  nowMs: number,
): Promise<'declared' | 'known' | 'alive' | 'unknown'> {
  const host = await maybeOne(
    tx,
    z.object({ seen_at: instant, is_destroyed: z.boolean() }),
    `select seen_at, ${isDestroyed('r')} as is_destroyed from recorder r where host_id = $1::uuid for update`,
    [hostId],
  );
  if (host === null) return 'unknown';
  if (host.is_destroyed) return 'known';
  if (host.seen_at > nowMs - countsAsAliveMs) return 'alive';
  await tx.query(
    `update recorder set destroyed_at = $3::timestamptz, destroyed_by = $2::text where host_id = $1::uuid`,
    [hostId, by, at(nowMs)],
  );
  return 'declared';
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
  /** null as well where the host was seen since: its spool is there. */
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
        is_destroyed: z.boolean(),
      })
      .transform((row): PurgeSpool => ({
        hostId: row.host_id,
        seenMs: row.seen_at,
        emptiedAtMs: row.emptied_at,
        destroyed:
          row.is_destroyed && row.destroyed_at !== null ? { atMs: row.destroyed_at, by: row.destroyed_by ?? '' } : null,
      })),
    `select s.host_id, r.seen_at, s.emptied_at, r.destroyed_at, r.destroyed_by, ${isDestroyed('r')} as is_destroyed
     from purge_spool s join recorder r on r.host_id = s.host_id where s.camera_id = $1::int order by s.host_id`,
    [internalId],
  );
}

import { z } from 'zod';
import type { WindowRef } from './finish-windows.ts';
import { isDestroyed } from './recorders.ts';
import { at, instant, many, maybeOne, transaction, type Db, type Pool } from './sql.ts';

/** A window that was chosen to be fed, with what its job is started with. */
export interface FedWindow extends WindowRef {
  tenantId: string;
  tier: 'critical' | 'normal';
  profileId: number;
  /** The host whose spool alone holds its footage; null: the object store does. */
  spoolHostId: string | null;
}

/** `spool` is a queue of each host that holds footage. */
export type FinishQueue = 'encode' | 'join' | 'spool';

const fedShape = z.object({
  public_id: z.string(),
  tenant_id: z.string(),
  tier: z.enum(['critical', 'normal']),
  profile_id: z.number(),
  window_start_at: instant,
  reencode_id: z.number(),
  generation: z.number(),
  spool_host_id: z.string().nullable(),
});

const fedRow = fedShape.transform((row): FedWindow => ({
  cameraId: row.public_id,
  tenantId: row.tenant_id,
  tier: row.tier,
  profileId: row.profile_id,
  windowStartMs: row.window_start_at,
  reencodeId: row.reencode_id,
  generation: row.generation,
  spoolHostId: row.spool_host_id,
}));

export interface FeedRequest {
  nowMs: number;
  /** The task queue to feed; which windows go there depends on what their profile makes of their stream. */
  queue: FinishQueue;
  /** Of the queue `spool`: windows that this host holds. */
  spoolHostId?: string | null;
  /** Electricity is cheap now. */
  cheap: boolean;
  limit: number;
}

/** A camera that is away need not keep what it sent before waiting: what comes late opens the window again. */
const longGapMs = 120_000;
/** A recorder commits its last segment within seconds of a pause. */
const afterStopMs = 20_000;

/**
 * Takes the next windows that are complete and may be finished now out of the backlog: critical cameras first, then
 * tenant by tenant in turn (what is at work counts), oldest first. Bulk jobs come last.
 *
 * A window is complete when the camera's watermark has passed its end, when its recording was stopped, or when its
 * end is some time ago. Profiles that can wait do so for cheap hours or until they are older than their bound.
 */
export function takeReady(db: Db, request: FeedRequest): Promise<FedWindow[]> {
  return many(
    db,
    fedRow,
    `with at_work as (
       select c.tenant_id, count(*) as jobs from finish_window w join camera c on c.id = w.camera_id
       where w.state = 'started' and w.queue = $2::text and w.spool_host_id is not distinct from $7::uuid group by c.tenant_id
     ), ready as (
       select w.camera_id, w.window_start_at, w.reencode_id, w.generation, w.spool_host_id, c.public_id, t.public_id as tenant_id, c.tier,
         p.id as profile_id,
         coalesce(a.jobs, 0) +
           row_number() over (partition by c.tenant_id, c.tier, w.reencode_id <> 0 order by w.window_start_at) as turn
       from finish_window w
       join camera c on c.id = w.camera_id
       join tenant t on t.id = c.tenant_id
       join camera_lease l on l.camera_id = c.id
       left join reencode r on r.id = w.reencode_id
       left join at_work a on a.tenant_id = c.tenant_id
       join profile p on p.id = coalesce(r.profile_id, c.profile_id)
       where w.state = 'open' and w.not_before <= $1::timestamptz and c.status not in ('purging', 'purged')
         and w.spool_host_id is not distinct from $7::uuid
         and case when w.spool_host_id is not null then 'spool' when p.mode = 'encode' or (p.mode = 'auto' and
           (w.reencode_id <> 0 or (c.finish_action = 'encode' and c.finish_profile_id = c.profile_id)))
           then 'encode' else 'join' end = $2::text
         and case when w.spool_host_id is not null then w.spool_closed when w.reencode_id <> 0 then r.state = 'running' else
           l.last_end_at >= w.window_start_at + w.window_ms * interval '1 ms'
           or (not l.wanted and c.status_at <= $1::timestamptz - $5::int * interval '1 ms')
           or w.window_start_at + (w.window_ms + $6::int) * interval '1 ms' <= $1::timestamptz end
         and (not p.can_wait or $3::boolean
           or w.window_start_at + w.window_ms * interval '1 ms' <= $1::timestamptz - p.wait_hours * interval '1 hour')
     ), chosen as (
       select * from ready
       order by reencode_id <> 0, tier <> 'critical', turn, window_start_at limit $4::int
     )
     update finish_window w set state = 'started', queue = $2::text, fed_at = $1::timestamptz
     from chosen
     where w.camera_id = chosen.camera_id and w.window_start_at = chosen.window_start_at
       and w.reencode_id = chosen.reencode_id and w.generation = chosen.generation and w.state = 'open'
     returning chosen.public_id, chosen.tenant_id, chosen.tier, chosen.profile_id, w.window_start_at, w.reencode_id,
       w.generation, w.spool_host_id`,
    [
      at(request.nowMs),
      request.queue,
      request.cheap,
      request.limit,
      afterStopMs,
      longGapMs,
      request.spoolHostId ?? null,
    ],
  );
}

/**
 * `takeReady`, up to as many as make `most` jobs with those that are started and not done. Several feeders may run at
 * once: one counts and takes at a time.
 */
export function takeUpTo(db: Pool, request: Omit<FeedRequest, 'limit'> & { most: number }): Promise<FedWindow[]> {
  const { most, ...rest } = request;
  return transaction(db, async (tx) => {
    // Taken in a statement of its own: the count after it then sees what the feeder before has taken.
    await tx.query(`select pg_advisory_xact_lock(hashtext('finish_window'))`);
    const limit = most - (await countStarted(tx, rest.queue, rest.spoolHostId ?? null));
    return limit <= 0 ? [] : takeReady(tx, { ...rest, limit });
  });
}

/** How many windows have a job that was started and is not done, by queue. */
async function countStarted(db: Db, queue: FinishQueue, spoolHostId: string | null): Promise<number> {
  const row = await maybeOne(
    db,
    z.object({ count: z.coerce.number() }),
    `select count(*) as count from finish_window where state = 'started' and queue = $1::text
       and spool_host_id is not distinct from $2::uuid`,
    [queue, spoolHostId],
  );
  return row?.count ?? 0;
}

/**
 * Started windows whose job was not seen since `seenBeforeMs`; they count as seen now. The caller starts their jobs
 * again, which Temporal refuses for those that are there.
 */
export function takeUnseen(
  db: Db,
  request: Pick<FeedRequest, 'queue' | 'spoolHostId' | 'nowMs' | 'limit'> & { seenBeforeMs: number },
): Promise<FedWindow[]> {
  return many(
    db,
    fedRow,
    `with unseen as (
       select camera_id, window_start_at, reencode_id from finish_window
       where state = 'started' and queue = $1::text and spool_host_id is not distinct from $5::uuid
         and fed_at < $3::timestamptz
       order by fed_at limit $4::int for update skip locked
     )
     update finish_window w set fed_at = $2::timestamptz
     from unseen u
     join camera c on c.id = u.camera_id
     join tenant t on t.id = c.tenant_id
     left join reencode r on r.id = u.reencode_id
     where w.camera_id = u.camera_id and w.window_start_at = u.window_start_at and w.reencode_id = u.reencode_id
     returning c.public_id, t.public_id as tenant_id, c.tier, coalesce(r.profile_id, c.profile_id) as profile_id,
       w.window_start_at, w.reencode_id, w.generation, w.spool_host_id`,
    [request.queue, at(request.nowMs), at(request.seenBeforeMs), request.limit, request.spoolHostId ?? null],
  );
}

/**
 * Forgets windows that were done before this, and those that nobody will ever finish: of purged cameras, what a
 * cancelled bulk job has left, and what a destroyed host alone held. @returns how many
 */
export async function forgetWindows(db: Db, doneBeforeMs: number, limit: number): Promise<number> {
  const { rowCount } = await db.query(
    `delete from finish_window where (camera_id, window_start_at, reencode_id) in (
       (select camera_id, window_start_at, reencode_id from finish_window
        where state = 'done' and finished_at < $1::timestamptz and reencode_id = 0 limit $2::int)
       union all
       (select w.camera_id, w.window_start_at, w.reencode_id from finish_window w join camera c on c.id = w.camera_id
        where w.state in ('open', 'parked') and c.status = 'purged' limit $2::int)
       union all
       (select w.camera_id, w.window_start_at, w.reencode_id from finish_window w join reencode r on r.id = w.reencode_id
        where w.state in ('open', 'parked') and r.state = 'cancelled' limit $2::int)
       union all
       (select w.camera_id, w.window_start_at, w.reencode_id from finish_window w
        join recorder o on o.host_id = w.spool_host_id where ${isDestroyed('o')} limit $2::int))`,
    [at(doneBeforeMs), limit],
  );
  return rowCount ?? 0;
}

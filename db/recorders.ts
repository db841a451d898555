import { z } from 'zod';
import { at, bigint, instant, many, maybeOne, one, type Db } from './sql.ts';

/** Signs of life come every 5 s: a host that gave none for so long is lost. Temporal's heartbeats know the same limit. */
export const lostAfterMs = 20_000;

const count = z.number();
const figures = z.object({
  backlog: z.object({ files: count, bytes: count, oldestEndMs: count.nullable() }),
  commits: z.record(z.string(), count),
  spool: z.object({ usedBytes: count, maxBytes: count, freeBytes: count }).nullable(),
  pendingWrites: count,
  /** Failed tries since the process began, by gap reason. */
  failures: z.record(z.string(), count),
  /** Of footage that waits here for its final; one that does not say so is of an older version. */
  held: z.object({ files: count, bytes: count, oldestStartMs: count.nullable() }).optional(),
  /** Files of the spool that cannot be read and were put aside; likewise. */
  unreadable: z.object({ files: count, oldestStartMs: count.nullable() }).optional(),
  /** Files of the spool that are kept for a person; likewise. */
  quarantine: z.object({ files: count, bytes: count }).optional(),
  /** By how much its host's own clock is wrong, which it does not go by; null = it is right. */
  clock: z.object({ aheadMs: z.number(), sinceMs: z.number() }).nullable().optional(),
  /** Why the backlog is not committed, and since when; null = it is. */
  commitError: z.object({ text: z.string(), sinceMs: z.number() }).nullable().optional(),
  /** From the end of a segment to its row: of the last 500 of this process, in ms; null = none yet. */
  commitMs: z.object({ p50: count, p99: count }).nullable(),
});
/** What a recorder says of itself with its sign of life. */
export type RecorderFigures = z.output<typeof figures>;

/** A recorder process, known by its spool. Times in ms since 1970. */
export interface Recorder {
  hostId: string;
  /** Its internal port, for footage that is not committed yet. */
  url: string;
  slots: number;
  used: number;
  seenMs: number;
  draining: boolean;
  /** Of the process's last sign of life; null = none has said so. */
  stats: RecorderFigures | null;
  /** What its process waits for that records nothing until then, and when it said so last; null = nothing. */
  waits: { for: string; sinceMs: number; seenMs: number } | null;
}

const recorderRow = z
  .object({
    host_id: z.string(),
    url: z.string(),
    slots: z.number(),
    used: z.number(),
    seen_at: instant,
    draining: z.boolean(),
    stats: figures.nullable(),
    waits_for: z.string().nullable(),
    waits_since: instant.nullable(),
    waits_seen_at: instant.nullable(),
  })
  .transform((row): Recorder => ({
    hostId: row.host_id,
    url: row.url,
    slots: row.slots,
    used: row.used,
    seenMs: row.seen_at,
    draining: row.draining,
    stats: row.stats,
    waits:
      row.waits_for === null || row.waits_since === null || row.waits_seen_at === null
        ? null
        : { for: row.waits_for, sinceMs: row.waits_since, seenMs: row.waits_seen_at },
  }));

const recorderColumns = `host_id, url, slots, used, seen_at, draining, stats, waits_for, waits_since, waits_seen_at`;

/**
 * A recorder's sign of life, every 5 s.
 * @param recorder.starts the first one of a process: what drained was the process before
 * @returns what the catalogue knows, so that it learns whether it is to drain
 */
export function upsertRecorder(
  db: Db,
  recorder: {
    hostId: string;
    url: string;
    slots: number;
    used: number;
    /** Default: now, by the database's clock, as of all who are compared with each other. */
    seenMs?: number;
    starts?: boolean;
    stats?: RecorderFigures;
  },
): Promise<Recorder> {
  return one(
    db,
    recorderRow,
    `insert into recorder (host_id, url, slots, used, seen_at, stats)
     values ($1::uuid, $2::text, $3::int, $4::int, coalesce($5::timestamptz, clock_timestamp()), $7::jsonb)
     on conflict (host_id) do update set url = excluded.url, slots = excluded.slots, used = excluded.used,
       seen_at = excluded.seen_at, stats = excluded.stats, draining = recorder.draining and not $6::boolean,
       waits_for = null, waits_since = null, waits_seen_at = null
     returning ${recorderColumns}`,
    [
      recorder.hostId,
      recorder.url,
      recorder.slots,
      recorder.used,
      at(recorder.seenMs),
      recorder.starts ?? false,
      recorder.stats === undefined ? null : JSON.stringify(recorder.stats),
    ],
  );
}

/**
 * Notes what a process waits for that is to record for this host; its first sign of life as a recorder ends that. It is
 * none until then: it keeps no camera, and what it held counts as lost. A host that the catalogue does not know is added
 * without a slot.
 * @param waits.nowMs default: now, by the database's clock, as of all signs of life
 */
export async function noteWaiting(
  db: Db,
  hostId: string,
  waits: { for: string; sinceMs: number; nowMs?: number },
): Promise<void> {
  await db.query(
    `insert into recorder (host_id, url, slots, used, seen_at, waits_for, waits_since, waits_seen_at)
     values ($1::uuid, '', 0, 0, coalesce($4::timestamptz, clock_timestamp()), $2::text, $3::timestamptz,
       coalesce($4::timestamptz, clock_timestamp()))
     on conflict (host_id) do update set waits_for = excluded.waits_for, waits_since = excluded.waits_since,
       waits_seen_at = excluded.waits_seen_at`,
    [hostId, waits.for, at(waits.sinceMs), at(waits.nowMs)],
  );
}

/**
 * Whether a recorder's spool is said to be destroyed, as SQL. One that was seen since has a spool, whatever was said.
 * @param name of the row
 */
export function isDestroyed(name: string): string {
  return `coalesce(${name}.seen_at <= ${name}.destroyed_at, false)`;
}

/** All recorders ever seen whose spool is not said to be destroyed; `seenMs` says which of them live. */
export function recorders(db: Db): Promise<Recorder[]> {
  return many(
    db,
    recorderRow,
    `select ${recorderColumns} from recorder r where not ${isDestroyed('r')} order by host_id`,
  );
}

/** Marks a recorder as draining or not. @returns false when there is no such recorder */
export async function setDraining(db: Db, hostId: string, draining: boolean): Promise<boolean> {
  const { rowCount } = await db.query(`update recorder set draining = $2::boolean where host_id = $1::uuid`, [
    hostId,
    draining,
  ]);
  return rowCount === 1;
}

/**
 * A process's last word, after it has committed what it could: it has no room any more, and what its figures say is left
 * lies in its spool. Its last sign of life stays when it was.
 */
export async function noteStopped(db: Db, hostId: string, stats: RecorderFigures): Promise<void> {
  await db.query(`update recorder set slots = 0, used = 0, stats = $2::jsonb where host_id = $1::uuid`, [
    hostId,
    JSON.stringify(stats),
  ]);
}

/** Whether a host moves its cameras away as planned: it drains, and is alive to do so. */
export async function isHandingOver(db: Db, hostId: string | null): Promise<boolean> {
  const { rowCount } = await db.query(
    `select from recorder where host_id = $1::uuid and draining
       and seen_at > clock_timestamp() - $2::int * interval '1 ms'`,
    [hostId, lostAfterMs],
  );
  return rowCount === 1;
}

/**
 * Whether the host that took the camera last before this epoch, if another one did, was lost when this one's recording
 * began. False where it is not known.
 */
export async function wasLostBefore(
  db: Db,
  cameraId: string,
  { epoch, hostId, beganAgoMs }: { epoch: number; hostId: string; beganAgoMs: number },
): Promise<boolean> {
  const before = await maybeOne(
    db,
    z.object({ was_lost: z.boolean().nullable() }),
    `select (
       select r.seen_at <= clock_timestamp() - ($4::float8 + $5::int) * interval '1 ms'
       from recorder r where r.host_id = (e.body->>'hostId')::uuid) as was_lost
     from camera_event e join camera c on c.id = e.camera_id
     where c.public_id = $1::uuid and e.kind = 'session' and (e.body->>'epoch')::int < $2::int
       and e.body->>'hostId' <> $3::text
     order by (e.body->>'epoch')::int desc limit 1`,
    [cameraId, epoch, hostId, beganAgoMs, lostAfterMs],
  );
  return before?.was_lost === true;
}

/** Whether the other recorders that live and do not drain have free slots for so many cameras together. */
export async function hasRoomElsewhere(db: Db, hostId: string, cameras: number): Promise<boolean> {
  const { free } = await one(
    db,
    z.object({ free: bigint }),
    // Three signs of life may be late or lost.
    `select coalesce(sum(greatest(slots - used, 0)), 0) as free from recorder
     where host_id <> $1::uuid and not draining and seen_at > now() - interval '15 seconds'`,
    [hostId],
  );
  return free >= cameras;
}

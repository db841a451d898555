import { z } from 'zod';
import { encoderAliveMs } from './encoders.ts';
import { at, instant, many, maybeOne, type Db } from './sql.ts';

/** A window whose footage lies in one host's spool only, until its final is stored. Times in ms since 1970. */
export interface HeldWindow {
  cameraId: string;
  windowStartMs: number;
  windowMs: number;
  /** Of what is held so far. */
  fromMs: number;
  toMs: number;
  /** No more of it is to come. */
  isClosed: boolean;
}

const isNews = `w.state <> 'open' and (w.spool_from_at, w.spool_to_at, w.spool_closed) is distinct from
  (excluded.spool_from_at, excluded.spool_to_at, excluded.spool_closed)`;

/**
 * Notes what a host holds of a window, so that it counts as footage on its way and, once closed, is fed to that host's
 * encoder. What comes after it was fed gives it a new generation.
 * @returns false where the window is none of the host's: footage of it is stored already, or it was given back
 */
export async function noteHeld(db: Db, hostId: string, window: HeldWindow): Promise<boolean> {
  const row = await maybeOne(
    db,
    z.object({ state: z.string() }),
    `insert into finish_window as w (camera_id, window_start_at, window_ms, spool_host_id, spool_from_at, spool_to_at,
       spool_closed)
     select id, $3::timestamptz, $4::int, $1::uuid, $5::timestamptz, $6::timestamptz, $7::boolean
     from camera where public_id = $2::uuid
     on conflict (camera_id, window_start_at, reencode_id) do update
     set spool_from_at = excluded.spool_from_at, spool_to_at = excluded.spool_to_at, spool_closed = excluded.spool_closed,
       state = case when ${isNews} then 'open' else w.state end, generation = w.generation + (${isNews})::int
     where w.spool_host_id = excluded.spool_host_id and w.state <> 'parked'
     returning state`,
    [
      hostId,
      window.cameraId,
      at(window.windowStartMs),
      window.windowMs,
      at(window.fromMs),
      at(window.toMs),
      window.isClosed,
    ],
  );
  return row !== null;
}

/** The windows that this host still holds, as `<camera> <window start ms>`; one that was parked is not among them. */
export async function heldBy(db: Db, hostId: string): Promise<Set<string>> {
  const rows = await many(
    db,
    z.object({ public_id: z.string(), window_start_at: instant }),
    `select c.public_id, w.window_start_at from finish_window w join camera c on c.id = w.camera_id
     where w.spool_host_id = $1::uuid and w.state <> 'parked'`,
    [hostId],
  );
  return new Set(rows.map((row) => `${row.public_id} ${row.window_start_at}`));
}

/**
 * The footage of a window is stored as it was recorded after all, and it goes the way of all others.
 * @param hostId null: whoever holds it
 */
export async function giveBack(
  db: Db,
  window: { cameraId: string; windowStartMs: number },
  hostId: string | null,
): Promise<void> {
  await db.query(
    `update finish_window set spool_host_id = null, spool_from_at = null, spool_to_at = null, state = 'open',
       generation = generation + 1, failures = '[]', not_before = '-infinity'
     where camera_id = (select id from camera where public_id = $1::uuid) and window_start_at = $2::timestamptz
       and reencode_id = 0 and spool_host_id is not null and ($3::uuid is null or spool_host_id = $3::uuid)`,
    [window.cameraId, at(window.windowStartMs), hostId],
  );
}

/**
 * Takes a final out of the catalogue whose object is gone, by somebody who has all that it was made of and commits that
 * next: its time is free again. @returns false when it is not there any more
 */
export async function forgetLostFinal(
  db: Db,
  cameraId: string,
  final: { startMs: number; sha256: string },
): Promise<boolean> {
  const { rowCount } = await db.query(
    `delete from segment where camera_id = (select id from camera where public_id = $1::uuid)
       and start_at = $2::timestamptz and sha256 = decode($3::text, 'hex') and variant > 0 and state = 0`,
    [cameraId, at(final.startMs), final.sha256],
  );
  return rowCount === 1;
}

/**
 * Which of these cameras this host may hold footage of: their profile wants the final only, and nobody else has taken
 * them over. `isStopped`: nothing of them is recorded just now.
 */
export async function camerasToHold(
  db: Db,
  hostId: string,
  cameraIds: readonly string[],
  stoppedBeforeMs: number,
): Promise<Map<string, { isStopped: boolean }>> {
  const rows = await many(
    db,
    z.object({ public_id: z.string(), stopped: z.boolean() }),
    `select c.public_id, not l.wanted and c.status_at <= $3::timestamptz as stopped
     from camera c join camera_lease l on l.camera_id = c.id join profile p on p.id = c.profile_id
     where c.public_id = any($2::uuid[]) and p.durable = 'final' and l.host_id = $1::uuid
       and c.status not in ('purging', 'purged')`,
    [hostId, cameraIds, at(stoppedBeforeMs)],
  );
  return new Map(rows.map((row) => [row.public_id, { isStopped: row.stopped }]));
}

/** Whether an encoder that lives can read this host's spool. */
export async function hasSpoolEncoder(db: Db, hostId: string, nowMs: number): Promise<boolean> {
  return (await spoolSlots(db, nowMs)).some((host) => host.hostId === hostId);
}

/** Slots of the encoders that live, by the spool they can read. */
export function spoolSlots(db: Db, nowMs: number): Promise<{ hostId: string; slots: number }[]> {
  return many(
    db,
    z.object({ hostId: z.string(), slots: z.coerce.number() }),
    `select spool_host_id as "hostId", sum(slots) as slots from encoder
     where spool_host_id is not null and slots > 0 and seen_at > $1::timestamptz group by spool_host_id`,
    [at(nowMs - encoderAliveMs)],
  );
}

/** Footage of a range that is recorded and waits on its recorder for its final, in order. */
export function pendingBetween(
  db: Db,
  cameraId: string,
  fromMs: number,
  toMs: number,
): Promise<{ startMs: number; endMs: number }[]> {
  return many(
    db,
    z.object({ start_at: instant, end_at: instant }).transform((row) => ({ startMs: row.start_at, endMs: row.end_at })),
    `select greatest(spool_from_at, $2::timestamptz) as start_at, least(spool_to_at, $3::timestamptz) as end_at
     from finish_window
     where camera_id = (select id from camera where public_id = $1::uuid) and spool_host_id is not null
       and spool_from_at < $3::timestamptz and spool_to_at > $2::timestamptz
     order by 1`,
    [cameraId, at(fromMs), at(toMs)],
  );
}

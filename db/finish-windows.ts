import { z } from 'zod';
import type { WindowFailure } from '../domain/finish-window.ts';
import { windowFailures } from './window-list.ts';
import { at, maybeOne, type Db } from './sql.ts';

/** Names one round of work on a window. */
export interface WindowRef {
  /** Public UUID. */
  cameraId: string;
  windowStartMs: number;
  /** 0: finishing; else the bulk job that wants it encoded again. */
  reencodeId: number;
  generation: number;
}

/**
 * Statement that opens the window a new segment belongs to; one that was fed already gets a new generation. It belongs
 * to the segment's commit. An open window, the usual case, is only looked at.
 * @param from a row set with `camera_id`: one row, or none where nothing was committed
 */
export const noteWindowSql = (from: string, windowStart: string, windowMs: string): string => `
  insert into finish_window as w (camera_id, window_start_at, window_ms)
  select f.camera_id, ${windowStart}, ${windowMs} from ${from} f
  where not exists (
    select from finish_window o
    where o.camera_id = f.camera_id and o.window_start_at = ${windowStart} and o.reencode_id = 0 and o.state = 'open')
  on conflict (camera_id, window_start_at, reencode_id) do update
  set state = 'open', generation = w.generation + 1, failures = '[]', not_before = '-infinity'
  where w.state <> 'open'`;

/** Whether a segment lies in a window whose finish is still due: it is not finished footage yet. */
export const finishDueSql = (segment: string): string => `exists (
  select from finish_window due
  where due.camera_id = ${segment}.camera_id and due.reencode_id = 0 and due.state in ('open', 'started')
    and due.window_start_at <= ${segment}.start_at
    and due.window_start_at > ${segment}.start_at - interval '1 hour' -- longer than any window
    and due.window_start_at + due.window_ms * interval '1 ms' > ${segment}.start_at)`;

const matches = `camera_id = (select id from camera where public_id = $1::uuid) and window_start_at = $2::timestamptz
  and reencode_id = $3::int and generation = $4::int`;

function refValues(ref: WindowRef): unknown[] {
  return [ref.cameraId, at(ref.windowStartMs), ref.reencodeId, ref.generation];
}

/** Puts a window back into the backlog as a new generation: its rows have changed, or it needs another queue. */
export async function reopen(db: Db, ref: WindowRef): Promise<void> {
  await db.query(
    `update finish_window set state = 'open', generation = generation + 1 where ${matches} and state = 'started'`,
    refValues(ref),
  );
}

/**
 * Notes that nothing is left to do. @returns false when a late segment has opened it again meanwhile
 */
export async function markDone(db: Db, ref: WindowRef, nowMs: number): Promise<boolean> {
  const { rowCount } = await db.query(
    `update finish_window set state = 'done', finished_at = $5::timestamptz, failures = '[]', spool_host_id = null,
       spool_from_at = null, spool_to_at = null
     where ${matches} and state = 'started'`,
    [...refValues(ref), at(nowMs)],
  );
  return rowCount === 1;
}

/** Adds a failure. @returns all of this generation, oldest first; empty when the window has moved on meanwhile */
export async function addFailure(db: Db, ref: WindowRef, failure: WindowFailure): Promise<WindowFailure[]> {
  const { host, text, atMs } = failure;
  const row = await maybeOne(
    db,
    z.object({ failures: windowFailures }),
    `update finish_window set failures = failures || $5::jsonb
     where ${matches} and state = 'started' returning failures`,
    [...refValues(ref), JSON.stringify([{ host, failure: failure.failure, text, at: new Date(atMs).toISOString() }])],
  );
  return row?.failures ?? [];
}

/** Lets a failed window wait until `notBeforeMs`; its next job bears the same id. */
export async function waitForRetry(db: Db, ref: WindowRef, notBeforeMs: number): Promise<void> {
  await db.query(
    `update finish_window set state = 'open', not_before = $5::timestamptz where ${matches} and state = 'started'`,
    [...refValues(ref), at(notBeforeMs)],
  );
}

/** Puts a window aside until somebody retries it; its sources stay as they are and play. */
export async function park(db: Db, ref: WindowRef): Promise<void> {
  await db.query(`update finish_window set state = 'parked' where ${matches} and state = 'started'`, refValues(ref));
}

/** Puts a parked window back. @returns false when there is none */
export async function retryParked(db: Db, cameraId: string, windowStartMs: number): Promise<boolean> {
  const { rowCount } = await db.query(
    `update finish_window set state = 'open', generation = generation + 1, failures = '[]', not_before = '-infinity'
     where camera_id = (select id from camera where public_id = $1::uuid) and window_start_at = $2::timestamptz
       and state = 'parked'`,
    [cameraId, at(windowStartMs)],
  );
  return (rowCount ?? 0) > 0;
}

/** Adds to what a window's finals have saved. */
export async function addBytes(db: Db, ref: WindowRef, bytes: { source: number; final: number }): Promise<void> {
  await db.query(
    `update finish_window set source_bytes = source_bytes + $5::bigint, final_bytes = final_bytes + $6::bigint
     where ${matches}`,
    [...refValues(ref), bytes.source, bytes.final],
  );
}

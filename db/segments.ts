import { z } from 'zod';
import { packEntries } from '../domain/entries.ts';
import { windowStartOf } from '../domain/finish-window.ts';
import type { Hole } from '../domain/gaps.ts';
import type { Segment } from '../domain/segment.ts';
import { noteWindowSql } from './finish-windows.ts';
import { notePauses } from './gaps.ts';
import { formatId } from './stream-formats.ts';
import { at, instant, many, maybeOne, type Db, type Transaction } from './sql.ts';

/** The default of FRAMEKEEP_WINDOW_SECONDS. */
const usualWindowMs = 600_000;

/**
 * Catalogues a segment whose object is stored: the fast path, one statement, serial per camera by the lease's row. It
 * succeeds for the newest epoch and only beyond the watermark, so it can never overlap anything. The finish window it
 * belongs to is opened with it. It does not note pauses: a segment that has some is for `commitSlow`.
 * @param windowMs length of finish windows
 * @returns false when the fence refused: then `commitSlow`
 */
export async function insertSegment(
  db: Db,
  internalId: number,
  segment: Segment,
  windowMs = usualWindowMs,
): Promise<boolean> {
  const format = await formatId(db, segment.format);
  const { rowCount } = await db.query(
    `with fenced as (
       update camera_lease set last_end_at = $2::timestamptz + $3::int * interval '1 ms'
       where camera_id = $1::int and epoch = $4::int and last_end_at <= $2::timestamptz
       returning camera_id
     ), noted as (${noteWindowSql('fenced', '$11::timestamptz', '$12::int')})
     insert into segment (camera_id, start_at, duration_ms, epoch, sha256, bytes, format_id, variant, anchor, entries)
     select camera_id, $2::timestamptz, $3::int, $4::int, decode($5::text, 'hex'), $6::bigint, $7::int, $8::smallint,
       $9::boolean, $10::bytea
     from fenced
     on conflict do nothing returning 1`,
    [...insertValues(internalId, segment, format), at(windowStartOf(segment.startMs, windowMs)), windowMs],
  );
  return rowCount === 1;
}

/** The time that a camera's rows of a table take within a range, as an SQL multirange; by the table's primary key. */
const takenSql = (table: 'segment' | 'deleted_segment', camera: string, start: string, end: string): string => `
  select coalesce(range_agg(tstzrange(start_at, start_at + duration_ms * interval '1 ms')), '{}') from ${table}
  where camera_id = ${camera} and start_at > ${start} - interval '1 hour' and start_at < ${end}`;

/**
 * The parts of a range that no row of a camera covers, as an SQL row set of ranges; what age has deleted of the same
 * recording counts as if it were still there.
 */
export const neverStoredSql = (camera: string, start: string, end: string, epoch: string): string => `unnest(
  tstzmultirange(tstzrange(${start}, ${end})) - (${takenSql('segment', camera, start, end)})
  - (${takenSql('deleted_segment', camera, start, end)} and epoch = ${epoch} and cause = 'retention'))`;

/**
 * What the slow path came to. `free`: the parts of the segment's time that nothing covers (none: it is covered as a
 * whole and can be dropped). The caller cuts the file to each part, stores the object, and calls `commitSlow` with it
 * in a new transaction, as often as it takes; each round the free time can only shrink.
 */
export type SlowCommit = 'committed' | 'already' | { free: Hole[] };

/**
 * Catalogues a segment under the lease's lock: for replays, for what an older epoch recorded, and for what overlaps
 * committed footage. Footage that overlaps nothing is kept whatever its epoch.
 * Of a camera that is purged nothing is kept: none of its time is free. Nor is time that the deletion ledger has of the
 * same epoch: a file whose host lost the answer to its first insert comes once more, perhaps after its footage has
 * reached its age. By time, not by hash, since the ledger names the final that the file had become by then. Once a
 * month's certificate has cleared the ledger such a file is catalogued, and the next sweep deletes it by its age.
 * - `already`: this very file is catalogued
 * - `committed`: its whole time was free; now it is catalogued and the watermark is at its end or where it was
 * @param windowMs length of finish windows; null for a final, which is no work for them
 */
export async function commitSlow(
  tx: Transaction,
  internalId: number,
  segment: Segment,
  windowMs: number | null = usualWindowMs,
): Promise<SlowCommit> {
  // On its own: the next statement must see what the lock's last holder committed.
  await tx.query(`select from camera_lease where camera_id = $1::int for update`, [internalId]);

  const purged = await tx.query(`select from camera where id = $1::int and status in ('purging', 'purged')`, [
    internalId,
  ]);
  if (purged.rowCount === 1) return { free: [] };

  const range = [internalId, at(segment.startMs), segment.durationMs];
  const same = await maybeOne(
    tx,
    z.object({ start_at: instant }),
    `select start_at from segment
     where camera_id = $1::int and start_at > $2::timestamptz - interval '1 hour'
       and start_at < $2::timestamptz + $3::int * interval '1 ms' and sha256 = decode($4::text, 'hex')
     limit 1`,
    [...range, segment.sha256],
  );
  if (same !== null) return 'already';

  const free = await many(
    tx,
    z
      .object({ start_at: instant, end_at: instant })
      .transform((row): Hole => ({ startMs: row.start_at, endMs: row.end_at })),
    `select lower(part) as start_at, upper(part) as end_at
     from ${neverStoredSql('$1::int', '$2::timestamptz', `$2::timestamptz + $3::int * interval '1 ms'`, '$4::int')} as part
     order by 1`,
    [...range, segment.epoch],
  );
  const whole = free[0];
  if (
    whole === undefined ||
    whole.startMs !== segment.startMs ||
    whole.endMs !== segment.startMs + segment.durationMs
  ) {
    return { free };
  }

  const format = await formatId(tx, segment.format);
  await tx.query(
    `insert into segment (camera_id, start_at, duration_ms, epoch, sha256, bytes, format_id, variant, anchor, entries)
     values ($1::int, $2::timestamptz, $3::int, $4::int, decode($5::text, 'hex'), $6::bigint, $7::int, $8::smallint,
       $9::boolean, $10::bytea)`,
    insertValues(internalId, segment, format),
  );
  await tx.query(
    `update camera_lease set last_end_at = greatest(last_end_at, $2::timestamptz + $3::int * interval '1 ms')
     where camera_id = $1::int`,
    range,
  );
  await notePauses(tx, internalId, segment.epoch, segment.pauses ?? []);
  if (windowMs === null) return 'committed';
  await tx.query(noteWindowSql('(select $1::int as camera_id)', '$2::timestamptz', '$3::int'), [
    internalId,
    at(windowStartOf(segment.startMs, windowMs)),
    windowMs,
  ]);
  return 'committed';
}

/** Where the footage of an epoch begins; null = none of it is catalogued from `fromMs` on. */
export async function firstStartOf(db: Db, internalId: number, epoch: number, fromMs: number): Promise<number | null> {
  const row = await maybeOne(
    db,
    z.object({ start_at: instant }),
    `select start_at from segment where camera_id = $1::int and start_at >= $3::timestamptz and epoch = $2::int
     order by start_at limit 1`,
    [internalId, epoch, at(fromMs)],
  );
  return row?.start_at ?? null;
}

function insertValues(internalId: number, segment: Segment, format: number): unknown[] {
  return [
    internalId,
    at(segment.startMs),
    segment.durationMs,
    segment.epoch,
    segment.sha256,
    segment.bytes,
    format,
    segment.variant,
    segment.anchor,
    Buffer.from(packEntries(segment.entries)),
  ];
}

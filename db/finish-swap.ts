import { z } from 'zod';
import { packEntries } from '../domain/entries.ts';
import { cameraTiers, type CameraTier } from '../domain/camera.ts';
import type { Segment } from '../domain/segment.ts';
import type { Clocks } from './clock.ts';
import { addBytes, finishDueSql, type WindowRef } from './finish-windows.ts';
import { heldSql } from './holds.ts';
import { enqueue } from './object-gc.ts';
import { profileRow, type Profile } from './profiles.ts';
import { listedColumns, segmentRow } from './segment-row.ts';
import { commitSlow } from './segments.ts';
import { formatId } from './stream-formats.ts';
import { at, instant, many, maybeOne, type Db, type Transaction } from './sql.ts';

/** What a finish job needs to know of its window; a stale reference finds none. */
export interface WindowWork {
  internalId: number;
  tenantId: string;
  tier: CameraTier;
  profile: Profile;
  /** The number that finals of this profile bear. */
  variant: number;
  windowMs: number;
  /** What a bulk job asks for, of which this window may be a part only; null: finishing takes all. */
  asked: { fromMs: number; toMs: number } | null;
  /** Of the last probe: only a probe or a file's samples tell. */
  hasBFrames: boolean;
}

/** The window's camera and profile, or null when this round of work is over or its camera is being purged. */
export function workOf(db: Db, ref: WindowRef): Promise<WindowWork | null> {
  return maybeOne(
    db,
    z
      .object({
        id: z.number(),
        tenant_id: z.string(),
        tier: z.enum(cameraTiers),
        profile: profileRow,
        profile_id: z.number(),
        window_ms: z.number(),
        from_at: instant.nullable(),
        to_at: instant.nullable(),
        b_frames: z.boolean(),
      })
      .transform((row): WindowWork => ({
        internalId: row.id,
        tenantId: row.tenant_id,
        tier: row.tier,
        profile: row.profile,
        variant: row.profile_id,
        windowMs: row.window_ms,
        asked: row.from_at === null || row.to_at === null ? null : { fromMs: row.from_at, toMs: row.to_at },
        hasBFrames: row.b_frames,
      })),
    `select c.id, t.public_id as tenant_id, c.tier, to_jsonb(p) as profile, p.id as profile_id, w.window_ms,
       r.from_at, r.to_at,
       coalesce((c.stream ->> 'hasBFrames')::boolean, false) as b_frames
     from finish_window w
     join camera c on c.id = w.camera_id
     join tenant t on t.id = c.tenant_id
     left join reencode r on r.id = w.reencode_id
     join profile p on p.id = coalesce(r.profile_id, c.profile_id)
     where c.public_id = $1::uuid and w.window_start_at = $2::timestamptz and w.reencode_id = $3::int
       and w.generation = $4::int and w.state = 'started' and c.status not in ('purging', 'purged')
       and (r.id is null or r.state = 'running')`,
    [ref.cameraId, at(ref.windowStartMs), ref.reencodeId, ref.generation],
  );
}

/**
 * The live segments that start in [from, to), in order; only sources, or for encoding again all finished footage of
 * other variants but what a hold keeps as it is.
 */
export function segmentsToFinish(
  db: Db,
  internalId: number,
  range: { fromMs: number; toMs: number },
  want: { sourcesOnly: true } | { sourcesOnly: false; notVariant: number; atMs: number },
): Promise<Segment[]> {
  return many(
    db,
    segmentRow,
    `select ${listedColumns}, s.entries from segment s join stream_format f on f.id = s.format_id
     where s.camera_id = $1::int and s.start_at >= $2::timestamptz and s.start_at < $3::timestamptz and s.state = 0
       and case when $4::boolean then s.variant = 0
         else s.variant <> $5::smallint and not ${heldSql('s', '$6')} and not ${finishDueSql('s')} end
     order by s.start_at`,
    [
      internalId,
      at(range.fromMs),
      at(range.toMs),
      want.sourcesOnly,
      want.sourcesOnly ? 0 : want.notVariant,
      want.sourcesOnly ? null : at(want.atMs),
    ],
  );
}

export interface Swap {
  ref: WindowRef;
  internalId: number;
  sources: readonly Pick<Segment, 'startMs' | 'sha256' | 'bytes'>[];
  final: Segment;
  finalKey: string;
  sourceKeys: readonly string[];
  /** When the sources may be deleted: an open player may go on with them till then. */
  sourcesGoneMs: number;
  /** A hold lasts as long as it does by one of them; a reservation is over once it is by one of them. */
  clocks: Clocks;
}

/**
 * The sources are no longer all there, the camera is being purged, what was to be encoded again is held, or the final's
 * own object may be gone; thrown so that nothing changes.
 */
export class StaleSwapError extends Error {
  override readonly name = 'StaleSwapError';
}

/**
 * Replaces source rows by their final, all or none: from here on the sources' objects are rubbish.
 * @throws StaleSwapError
 */
export async function swapInFinal(tx: Transaction, swap: Swap): Promise<void> {
  const { internalId, sources, final } = swap;
  // Shared, as the retention sweep's marks are: a purge or a hold that begins waits for this, and this sees one that has.
  const { rowCount: kept } = await tx.query(
    `select from camera where id = $1::int and status not in ('purging', 'purged') for share`,
    [internalId],
  );
  if (swap.ref.reencodeId !== 0) await refuseHeld(tx, swap);
  const { rowCount } = await tx.query(
    `delete from segment s
     using unnest($2::timestamptz[], $3::text[]) as source (start_at, sha256)
     where s.camera_id = $1::int and s.start_at = source.start_at and s.sha256 = decode(source.sha256, 'hex')
       and s.state = 0`,
    [internalId, sources.map(({ startMs }) => at(startMs)), sources.map(({ sha256 }) => sha256)],
  );
  if (kept !== 1 || rowCount !== sources.length) {
    throw new StaleSwapError(`${rowCount ?? 0} of ${sources.length} sources are left`);
  }

  const format = await formatId(tx, final.format);
  await tx.query(
    `insert into segment (camera_id, start_at, duration_ms, epoch, sha256, bytes, format_id, variant, anchor, entries)
     values ($1::int, $2::timestamptz, $3::int, $4::int, decode($5::text, 'hex'), $6::bigint, $7::int, $8::smallint,
       $9::boolean, $10::bytea)`,
    [
      internalId,
      at(final.startMs),
      final.durationMs,
      final.epoch,
      final.sha256,
      final.bytes,
      format,
      final.variant,
      final.anchor,
      Buffer.from(packEntries(final.entries)),
    ],
  );
  await enqueue(tx, swap.sourceKeys, 'finished', swap.sourcesGoneMs);
  await endReservation(tx, { finalKey: swap.finalKey, nowMs: swap.clocks.laterMs });
  const sourceBytes = sources.reduce((sum, source) => sum + source.bytes, 0);
  await addBytes(tx, swap.ref, { source: sourceBytes, final: final.bytes });
}

/**
 * Catalogues the final of footage that only a spool holds, where all of its time is free.
 * @throws StaleSwapError where some of it is stored already, the camera is being purged, or its reservation is over
 */
export async function commitHeldFinal(
  tx: Transaction,
  held: Pick<Swap, 'ref' | 'internalId' | 'final' | 'finalKey' | 'clocks'> & { sourceBytes: number },
): Promise<void> {
  const outcome = await commitSlow(tx, held.internalId, held.final, null);
  if (outcome !== 'committed') throw new StaleSwapError('other footage of this time is stored already');
  await endReservation(tx, { finalKey: held.finalKey, nowMs: held.clocks.laterMs });
  await addBytes(tx, held.ref, { source: held.sourceBytes, final: held.final.bytes });
}

/** Evidence stays what it was: finished footage that a hold keeps is not encoded again. @throws StaleSwapError */
async function refuseHeld(tx: Transaction, { internalId, sources, clocks }: Swap): Promise<void> {
  const { rowCount } = await tx.query(
    `select from segment s where s.camera_id = $1::int and s.start_at = any($2::timestamptz[]) and ${heldSql('s', '$3')}
     limit 1`,
    [internalId, sources.map(({ startMs }) => at(startMs)), at(clocks.earlierMs)],
  );
  if (rowCount !== 0) throw new StaleSwapError('a hold keeps this footage as it is');
}

/**
 * Notes an object before it is stored: should its job die before the swap, the collector deletes it. A job that stores
 * the same bytes again gives it more time; where the collector is just deleting it, this waits for that.
 * @throws StaleSwapError once a purge of the camera has begun: nothing of it is stored any more. A purge that is about
 * to begin is waited for, and one that begins later waits for what was reserved before
 */
export async function reserveKey(db: Db, internalId: number, key: string, notBeforeMs: number): Promise<void> {
  const { rowCount } = await db.query(
    `with kept as (
       select from camera where id = $1::int and status not in ('purging', 'purged') for share
     )
     insert into object_gc as g (key, reason, not_before) select $2::text, 'unfinished', $3::timestamptz from kept
     on conflict (key) do update set reason = excluded.reason,
       not_before = greatest(g.not_before, excluded.not_before)`,
    [internalId, key, at(notBeforeMs)],
  );
  if (rowCount !== 1) throw new StaleSwapError('the camera is being purged');
}

/** What was reserved is needed from now on. @throws StaleSwapError where its time is over: the collector may have deleted it */
export async function endReservation(
  tx: Transaction,
  { finalKey, nowMs }: { finalKey: string; nowMs: number },
): Promise<void> {
  const { rowCount } = await tx.query(`delete from object_gc where key = $1::text and not_before > $2::timestamptz`, [
    finalKey,
    at(nowMs),
  ]);
  if (rowCount !== 1) throw new StaleSwapError('the reservation of the final is over');
}

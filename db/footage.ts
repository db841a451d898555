import type { Segment } from '../domain/segment.ts';
import { heldSql } from './holds.ts';
import { listedColumns, listedRow, segmentRow, type ListedSegment } from './segment-row.ts';
import { at, many, maybeOne, type Db } from './sql.ts';

/** What is kept of a camera: what ends after `fromMs`, the retention cutoff, and what a hold keeps at `atMs`. */
export interface KeptFootage {
  fromMs: number;
  atMs: number;
}

/** Live footage that reaches into ($2, $3) and is not older than the cutoff $4, or is held at $5. */
const livingBetween = `from segment s join stream_format f on f.id = s.format_id
  where s.camera_id = (select id from camera where public_id = $1::uuid) and s.state = 0
    and s.start_at > $2::timestamptz - interval '1 hour' and s.start_at < $3::timestamptz
    and s.start_at + s.duration_ms * interval '1 ms' > $2::timestamptz
    and ($4::timestamptz is null or s.start_at + s.duration_ms * interval '1 ms' > $4::timestamptz
      or ${heldSql('s', '$5')})`;

/**
 * A page of the live segments that reach into a range, in order.
 * @param page.after start of the last segment of the page before
 * @param page.kept what is older is gone, though its row may still be there
 */
export function segmentsBetween(
  db: Db,
  cameraId: string,
  fromMs: number,
  toMs: number,
  page: { limit: number; after?: number | undefined; kept?: KeptFootage | undefined },
): Promise<ListedSegment[]> {
  return many(
    db,
    listedRow,
    `select ${listedColumns} ${livingBetween} and ($6::timestamptz is null or s.start_at > $6::timestamptz)
     order by s.start_at limit $7::int`,
    [cameraId, at(fromMs), at(toMs), at(page.kept?.fromMs), at(page.kept?.atMs), at(page.after), page.limit],
  );
}

/** The live segments that reach into a range with their playlist entries, in order: ask for a day at most. */
export function playlistRows(
  db: Db,
  cameraId: string,
  fromMs: number,
  toMs: number,
  options: { kept?: KeptFootage | undefined } = {},
): Promise<Segment[]> {
  return many(db, segmentRow, `select ${listedColumns}, s.entries ${livingBetween} order by s.start_at`, [
    cameraId,
    at(fromMs),
    at(toMs),
    at(options.kept?.fromMs),
    at(options.kept?.atMs),
  ]);
}

/** The live segment that starts at this instant, or null: an object may be served only while it is catalogued. */
export function segmentAt(db: Db, cameraId: string, startMs: number): Promise<Segment | null> {
  return maybeOne(
    db,
    segmentRow,
    `select ${listedColumns}, s.entries from segment s join stream_format f on f.id = s.format_id
     where s.camera_id = (select id from camera where public_id = $1::uuid) and s.start_at = $2::timestamptz
       and s.state = 0`,
    [cameraId, at(startMs)],
  );
}

import { segmentsBetween } from '../db/footage.ts';
import type { ListedSegment } from '../db/segment-row.ts';
import { gapToleranceMs } from '../domain/gaps.ts';
import type { Piece } from '../domain/segment-cut.ts';
import type { Lease } from '../db/leases.ts';
import type { Pool } from '../db/sql.ts';
import type { Logger } from '../log.ts';
import type { SegmentIndex } from '../media/mp4-index.ts';
import type { Spool } from '../storage/spool.ts';
import { fragmentOfKey } from './common-key.ts';
import { metBefore, noteMeeting } from './meetings.ts';
import { keysElsewhere, keysOf } from './own-footage.ts';
import { keepInQuarantine } from './quarantine.ts';
import type { ClosedFile } from './run-files.ts';

/** Rows of 2 s in the hour that a file is at most are 1,800. */
const maxRows = 2000;

/** From a key to the next one. */
interface Gop {
  from: number;
  to: number;
  startMs: number;
  endMs: number;
  key: string;
}

/**
 * Of a file that is to be cut to these pieces, since rows have the rest of its time: where nothing proves that the rest's
 * pictures are in the archive too, the file as it is goes into quarantine besides. A clock may have been wrong.
 * @throws errors of the database and the file system; it may be repeated
 */
export async function keepUnproven(
  deps: { db: Pool; spool: Spool; log: Logger; now: () => number },
  file: ClosedFile,
  index: SegmentIndex,
  { pieces, lease }: { pieces: readonly Piece[]; lease: Lease },
): Promise<void> {
  const { cameraId, name } = file;
  const met = await meetingIn(deps.spool, file, index, lease);
  const dropped = (await gopsOf(file, index)).filter((gop) => !pieces.some((piece) => isIn(piece, gop)));
  if (dropped.length === 0) return;
  const rows = await segmentsBetween(deps.db, cameraId, name.startMs, name.startMs + name.durationMs, {
    limit: maxRows,
  });
  const elsewhere = await keysElsewhere(deps.spool, file);
  const unproven = dropped.filter((gop) => {
    const over = rows.filter((row) => row.startMs < gop.endMs && row.startMs + row.durationMs > gop.startMs);
    if (over.length === 0) return false; // its minutes are being deleted, or it is shorter than clocks are exact
    if (elsewhere.has(gop.key) || over.some((row) => isOwnFinal(row, file, gop))) return false;
    const isAfter = met !== null && gop.from >= met.fragment;
    return !isAfter || !over.every(({ epoch }) => epoch >= met.by || epoch === name.epoch);
  });
  if (unproven.length === 0) return;
  const epochs = [...new Set(rows.map(({ epoch }) => epoch))];
  const why = `other footage has its time (epochs ${epochs.join(', ')}), and nothing proves that its pictures are there`;
  const kept = await keepInQuarantine({ spoolDir: deps.spool.dir, now: deps.now }, file, why);
  deps.log.warn(
    { cameraId, name, kept, epochs },
    'covered footage is kept in quarantine: its pictures may be there alone',
  );
}

/** From which fragment on a newer recording has the pictures of a file; null = that is not known of any. */
async function meetingIn(
  spool: Spool,
  file: ClosedFile,
  index: SegmentIndex,
  lease: Lease,
): Promise<{ fragment: number; by: number } | null> {
  const { name } = file;
  const { recordingEpoch, firstKeySha256: sha256, firstFrameMs } = lease;
  const by = await metBefore(spool, file, lease);
  if (by !== null) return { fragment: 0, by };
  if (recordingEpoch <= name.epoch || sha256 === null) return null;
  const nearMs = firstFrameMs ?? name.startMs;
  const fragment = await fragmentOfKey(file.path, index, { sha256, startMs: name.startMs, nearMs });
  if (fragment === null) return null;
  if (fragment === 0) await noteMeeting(spool, file, lease); // before it is removed
  return { fragment, by: recordingEpoch };
}

async function gopsOf({ path, name }: ClosedFile, index: SegmentIndex): Promise<Gop[]> {
  const { fragments } = index;
  const keys = await keysOf(path, index);
  const starts = fragments.flatMap(({ key }, i) => (key ? [i] : []));
  const allTicks = fragments.reduce((sum, { durationTicks }) => sum + durationTicks, 0);
  const timeOf = (fragment: number): number => {
    const ticks = fragments.slice(0, fragment).reduce((sum, { durationTicks }) => sum + durationTicks, 0);
    return name.startMs + Math.round((ticks * name.durationMs) / Math.max(1, allTicks));
  };
  return starts.map((from, i) => {
    const to = starts[i + 1] ?? fragments.length;
    return { from, to, startMs: timeOf(from), endMs: timeOf(to), key: keys[i] ?? '' };
  });
}

function isIn(piece: Piece, gop: Gop): boolean {
  return piece.from <= gop.from && piece.to >= gop.to;
}

/** But for what rounding takes from a final's end. */
function isOwnFinal(row: ListedSegment, { name }: ClosedFile, gop: Gop): boolean {
  if (row.variant === 0 || row.epoch !== name.epoch) return false;
  return row.startMs - gop.startMs <= gapToleranceMs && gop.endMs - row.startMs - row.durationMs <= gapToleranceMs;
}

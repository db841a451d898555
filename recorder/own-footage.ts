import { segmentsBetween } from '../db/footage.ts';
import type { Lease } from '../db/leases.ts';
import { firstStartOf } from '../db/segments.ts';
import type { Pool } from '../db/sql.ts';
import { gapToleranceMs } from '../domain/gaps.ts';
import { keySampleSha256 } from '../media/key-sample.ts';
import { readIndex, type SegmentIndex } from '../media/mp4-index.ts';
import type { Spool } from '../storage/spool.ts';
import { placeAnew } from './closed-cut.ts';
import { recentMs } from './common-key.ts';
import { isMissingFile, isUnreadable } from './error-code.ts';
import type { Failpoint } from './failpoint.ts';
import type { ClosedFile } from './run-files.ts';
import { parseSegmentFileName, type SegmentName } from './segment-name.ts';

/**
 * Moved on, a file keeps this share of its length: what follows comes back to its host's clock in 44 s where that stays
 * 2.2 s behind, and where it is set right meanwhile, no more than the other 5 % reads as a hole.
 */
const keptShare = 0.95;
/** Rows of 2 s in a minute are 30. */
const maxRows = 100;

/** The place of a file that begins at `atMs`, later or earlier than it was: it ends where it did, or after its length. */
export function movedOn({ startMs, durationMs }: SegmentName, atMs: number): { startMs: number; endMs: number } {
  return { startMs: atMs, endMs: Math.max(startMs + durationMs, atMs + Math.ceil(durationMs * keptShare)) };
}

/**
 * A recording never sees a picture twice, so its own footage covers none of its files: that was moved on at the seam, for
 * this host's clock was behind, and now this file comes after it. Unless it is a copy: a crash between insert and linger,
 * or between cutting a file and removing it, leaves what is catalogued already, perhaps as part of a final by now.
 * @returns the file at its new place; null where that is no reason
 */
export async function moveBehindOwn(
  deps: { db: Pool; spool: Spool; failpoint: Failpoint },
  file: ClosedFile,
  index: SegmentIndex,
  { lease, sha256 }: { lease: Lease; sha256: string },
): Promise<ClosedFile | null> {
  const { cameraId, name } = file;
  const { lastEndMs, seam } = lease;
  if (seam?.epoch !== name.epoch || lastEndMs <= name.startMs || lastEndMs - name.startMs > recentMs) return null;
  const rows = await segmentsBetween(deps.db, cameraId, name.startMs, lastEndMs, { limit: maxRows });
  if (rows.at(-1)?.epoch !== name.epoch || rows.some((row) => row.sha256 === sha256)) return null;
  // No hash tells what a final was made of; yet what has been catalogued lies over nothing else that was.
  const mayBeIn = rows.some((row) => row.variant > 0 && row.epoch === name.epoch && isWithin(name, row));
  if (mayBeIn && !(await isOverLingering(deps.spool, file))) return null;
  return (await isCopy(deps.spool, file, index)) ? null : placeAnew(deps, file, movedOn(name, lastEndMs));
}

/**
 * The first file of a recording that is to be committed before this one, although it lies behind it: a version before
 * moved that on to the seam without saying in its name when it was recorded, and was killed before it had committed it.
 */
export async function firstBefore(
  { db, spool }: { db: Pool; spool: Spool },
  { cameraId, path, name }: ClosedFile,
  { lease, internalId }: { lease: Lease; internalId: number },
): Promise<ClosedFile | null> {
  const { seam } = lease;
  if (seam?.epoch !== name.epoch || name.startMs >= seam.atMs || name.recordedMs !== undefined) return null;
  for (const other of await spool.closedFiles(cameraId)) {
    const first = parseSegmentFileName(other.name)?.name;
    if (other.path === path || first?.epoch !== name.epoch || !first.anchor) continue;
    if (first.startMs < seam.atMs || first.recordedMs !== undefined) continue;
    const rowMs = await firstStartOf(db, internalId, name.epoch, name.startMs - recentMs);
    return rowMs === null ? { cameraId, path: other.path, name: first } : null;
  }
  return null;
}

/** Whether a file lies over one that lingers, which was catalogued at the place that its name says. */
async function isOverLingering(spool: Spool, { cameraId, name }: ClosedFile): Promise<boolean> {
  return (await spool.lingeringFiles(cameraId)).some((other) => {
    const parsed = parseSegmentFileName(other.name);
    return parsed !== null && overlap(parsed.name, name);
  });
}

/** But for what rounding takes from a final's end. */
function isWithin(name: SegmentName, row: Pick<SegmentName, 'startMs' | 'durationMs'>): boolean {
  const endsBeyondMs = name.startMs + name.durationMs - (row.startMs + row.durationMs);
  return row.startMs - name.startMs <= gapToleranceMs && endsBeyondMs <= gapToleranceMs;
}

function overlap(a: Pick<SegmentName, 'startMs' | 'durationMs'>, b: typeof a): boolean {
  return a.startMs < b.startMs + b.durationMs && a.startMs + a.durationMs > b.startMs;
}

/** Whether a key picture of this file is in another one of the same recording on this host. */
async function isCopy(spool: Spool, file: ClosedFile, index: SegmentIndex): Promise<boolean> {
  const elsewhere = await keysElsewhere(spool, file);
  return elsewhere.size > 0 && (await keysOf(file.path, index)).some((key) => elsewhere.has(key));
}

/** As `keysOf`, of all other files of the same recording on this host that lie over this one. */
export async function keysElsewhere(spool: Spool, { cameraId, name, path }: ClosedFile): Promise<Set<string>> {
  const found = new Set<string>();
  const others = [...(await spool.closedFiles(cameraId)), ...(await spool.lingeringFiles(cameraId))];
  for (const other of others) {
    const parsed = parseSegmentFileName(other.name);
    if (other.path === path || parsed?.name.epoch !== name.epoch || !overlap(parsed.name, name)) continue;
    try {
      for (const key of await keysOf(other.path, await readIndex(other.path))) found.add(key);
    } catch (error) {
      // It has lingered long enough just now; or its own commit finds that it cannot be read.
      if (!isMissingFile(error) && !isUnreadable(error)) throw error;
    }
  }
  return found;
}

/** Picture and media time: a camera without a picture repeats the one, but never with the same time. */
export async function keysOf(path: string, index: SegmentIndex): Promise<string[]> {
  const keys = index.fragments.filter(({ key }) => key);
  return Promise.all(keys.map(async (fragment) => `${fragment.tfdt} ${await keySampleSha256(path, fragment)}`));
}

import { isMissingFile, mayPass } from './error-code.ts';
import { createHash } from 'node:crypto';
import { stat, utimes } from 'node:fs/promises';
import { fileTimeMs } from '../domain/file-time.ts';
import type { Hole } from '../domain/gaps.ts';
import { dayMs } from '../domain/retention.ts';
import { pausesIn } from '../domain/pauses.ts';
import { pieceWithin, type Piece } from '../domain/segment-cut.ts';
import { checkSanity, entriesOf, type SanityLimits, type Segment } from '../domain/segment.ts';
import { leaseOf, type Lease } from '../db/leases.ts';
import { enqueue } from '../db/object-gc.ts';
import { commitSlow, insertSegment, type SlowCommit } from '../db/segments.ts';
import { transaction } from '../db/sql.ts';
import { AppError, errorText } from '../errors.ts';
import { Mp4Error } from '../media/mp4-boxes.ts';
import { readIndex, streamFormatOf, type SegmentIndex } from '../media/mp4-index.ts';
import { chunksOf, withBuffers } from '../storage/file-chunks.ts';
import { objectKey } from '../storage/keys.ts';
import type { Objects } from '../storage/objects.ts';
import type { CameraIds } from './camera-ids.ts';
import { cutToParts } from './closed-cut.ts';
import { keepUnproven } from './covered.ts';
import { cutToWhole, isDamaged } from './damaged.ts';
import { firstBefore, moveBehindOwn } from './own-footage.ts';
import type { Quarantine } from './quarantine.ts';
import type { ClosedFile, Hold } from './run-files.ts';
import { fitToSeam, type SeamDeps } from './seam.ts';
import { lingeringFileName, segmentFileName } from './segment-name.ts';

/** What became of a closed file. */
export type CommitOutcome =
  | { kind: 'committed'; hole: Hole | null }
  /** It was there already: a step after the insert had failed. */
  | { kind: 'already' }
  /** Its time is covered by other footage, or its camera is purged. */
  | { kind: 'covered' }
  /** These files are to be committed instead: they hold the free part of its time. `lost`: the disk has spoilt the rest. */
  | { kind: 'cut'; parts: ClosedFile[]; lost?: Hole & { why: string } }
  /** Kept back at a handover; to be tried again. */
  | { kind: 'held'; hold: Hold }
  /** Its turn comes after that file of `closed/`, which may wait behind it. */
  | { kind: 'after'; first: ClosedFile }
  | { kind: 'quarantined'; why: string }
  /** The disk does not give it back: it was put aside. */
  | { kind: 'unreadable' }
  /** It is not there: another process of this host has dealt with it, or somebody removed it. */
  | { kind: 'gone' };

export interface CommitDeps extends SeamDeps {
  objects: Objects;
  cameraIds: CameraIds;
  quarantine: Quarantine;
  limits: SanityLimits;
  /** Length of finish windows. */
  windowMs: number;
}

/** Less than this between two files is the jitter of their clocks. */
const shortestPieceMs = 200;
/** So long footage of a camera that the catalogue does not have stays in `closed/`, tried again, and in `linger/`. */
export const unknownCameraMs = dayMs;
/** A useless object is deleted after an hour, as all are: a player may just be reading it. */
const uselessObjectMs = 3_600_000;

/**
 * Commits one file of `closed/`: index and sanity, hash, PUT, fenced insert, linger. Every step may be repeated; it
 * throws where storage or database are away, and then is called again with the same file.
 */
export async function commitFile(deps: CommitDeps, file: ClosedFile): Promise<CommitOutcome> {
  try {
    return await tryCommit(deps, file);
  } catch (error) {
    if (!(await isForGood(deps, file, error))) throw error;
    // Tried again it would fail for ever, and block every later file of its camera.
    const why = errorText(error);
    await deps.quarantine(file.cameraId, file.path, why);
    return { kind: 'quarantined', why };
  }
}

/** A catalogue may have been restored from before the camera was added, or be another one for a while. */
async function isForGood(deps: CommitDeps, file: ClosedFile, error: unknown): Promise<boolean> {
  if (!mayPass(error)) return true;
  if (!(error instanceof AppError) || error.code !== 'not-found') return false;
  const { startMs, durationMs } = file.name;
  const nowMs = deps.now();
  const closed = {
    keptMs: (await stat(file.path)).ctimeMs,
    hostMs: Date.now(),
    nowMs,
    notBeforeMs: startMs + durationMs,
  };
  return nowMs - fileTimeMs(closed) > unknownCameraMs;
}

async function tryCommit(deps: CommitDeps, file: ClosedFile): Promise<CommitOutcome> {
  const { objects, failpoint } = deps;
  const { cameraId } = file;
  if (!(await isThere(file.path))) {
    await deps.spool.checkPresent(); // with the whole disk gone it may come back
    deps.log.error({ cameraId, name: file.name }, 'a closed file is gone from the spool');
    return { kind: 'gone' };
  }
  const index = await usableIndex(deps, file);
  if (typeof index === 'string') {
    await deps.quarantine(cameraId, file.path, index);
    return { kind: 'quarantined', why: index };
  }
  if (isDamaged(index)) return { kind: 'cut', ...(await cutToWhole(deps, file, index)) };
  const ids = await deps.cameraIds.of(cameraId);
  const lease = await leaseOf(deps.db, cameraId);
  if (lease?.isPurged === true) {
    // Nobody may have waited for this host: declared destroyed, it would store beside the certificate.
    await deps.spool.remove(file.path);
    return { kind: 'covered' };
  }
  const fit = await fitToLease(deps, file, index, { internalId: ids.internalId, lease });
  if (fit !== null) return fit;
  const first = lease === null ? null : await firstBefore(deps, file, { lease, internalId: ids.internalId });
  if (first !== null) return { kind: 'after', first };

  const { bytes, sha256 } = await hashFile(file.path);
  await failpoint('hashed');
  // Nothing of a recording comes before its seam: this file follows those that were moved there.
  if (lease !== null && file.name.startMs < (lease.seam?.atMs ?? 0)) {
    const moved = await moveBehindOwn(deps, file, index, { lease, sha256 });
    if (moved !== null) return { kind: 'cut', parts: [moved] };
  }
  const segment: Segment = {
    ...file.name,
    bytes,
    sha256,
    variant: 0,
    format: streamFormatOf(index),
    entries: entriesOf(index.fragments, index.timescale, file.name.durationMs),
    pauses: pausesIn(index, file.name),
  };
  const key = objectKey({ tenantId: ids.tenantId, cameraId, ...segment });
  await objects.put(key, file.path, bytes, sha256);
  await failpoint('stored');
  const how = await catalogue(deps, ids.internalId, segment);
  await failpoint('inserted');
  if (typeof how === 'object') {
    await enqueue(deps.db, [key], 'overlaps', deps.now() + uselessObjectMs);
    // Newer footage has come meanwhile; where it begins at the same key, nothing is cut off.
    const newest = await leaseOf(deps.db, cameraId);
    const met = await fitToLease(deps, file, index, { internalId: ids.internalId, lease: newest });
    if (met !== null) return met;
    const moved = newest === null ? null : await moveBehindOwn(deps, file, index, { lease: newest, sha256 });
    if (moved !== null) return { kind: 'cut', parts: [moved] };
    return cutToFree(deps, file, index, { free: how.free, lease: newest });
  }
  await moveToLinger(deps, file, sha256);
  await failpoint('lingering');
  return how === 'already' ? { kind: 'already' } : { kind: 'committed', hole: holeBefore(lease, file.name.startMs) };
}

/** What of a file nothing covers is committed; the rest goes, or is kept in quarantine. */
async function cutToFree(
  deps: CommitDeps,
  file: ClosedFile,
  index: SegmentIndex,
  { free, lease }: { free: readonly Hole[]; lease: Lease | null },
): Promise<CommitOutcome> {
  const pieces = free.flatMap((hole) => pieceWithin(index.fragments, file.name, hole) ?? []).filter(isWorthAnObject);
  if (lease !== null && !lease.isPurged) await keepUnproven(deps, file, index, { pieces, lease });
  await deps.failpoint('kept');
  const parts = await cutToParts(deps, file, index, pieces);
  return parts.length > 0 ? { kind: 'cut', parts } : { kind: 'covered' };
}

/** What the file becomes first, or that it waits; null = it is to be committed as it is. */
async function fitToLease(
  deps: CommitDeps,
  file: ClosedFile,
  index: SegmentIndex,
  { internalId, lease }: { internalId: number; lease: Lease | null },
): Promise<CommitOutcome | null> {
  const fit = lease === null ? null : await fitToSeam(deps, file, index, { internalId, lease });
  if (fit === null) return null;
  return 'held' in fit ? { kind: 'held', hold: fit.held } : { kind: 'cut', parts: fit.parts };
}

/** The fast path, or the slow one where the fence refuses or more than a row is to be written. */
async function catalogue(deps: CommitDeps, internalId: number, segment: Segment): Promise<SlowCommit> {
  const isPlain = segment.pauses === undefined || segment.pauses.length === 0;
  if (isPlain && (await insertSegment(deps.db, internalId, segment, deps.windowMs))) return 'committed';
  return transaction(deps.db, (tx) => commitSlow(tx, internalId, segment, deps.windowMs));
}

function isWorthAnObject(piece: Piece): boolean {
  return piece.durationMs >= shortestPieceMs;
}

async function isThere(filePath: string): Promise<boolean> {
  try {
    await stat(filePath);
    return true;
  } catch (error) {
    if (isMissingFile(error)) return false;
    throw error;
  }
}

/** The index, or what speaks against the file. */
async function usableIndex(deps: CommitDeps, file: ClosedFile): Promise<SegmentIndex | string> {
  try {
    const index = await readIndex(file.path);
    const problems = checkSanity(index, deps.limits);
    return problems.length === 0 ? index : problems.map((problem) => problem.text).join('; ');
  } catch (error) {
    if (error instanceof Mp4Error) return error.message;
    throw error;
  }
}

/** The time between the watermark and this file, where there is any. */
function holeBefore(lease: Lease | null, startMs: number): Hole | null {
  return lease !== null && lease.lastEndMs < startMs ? { startMs: lease.lastEndMs, endMs: startMs } : null;
}

/** Moved last: a file that is still in `closed/` is committed again, which finds that it is done. */
async function moveToLinger(deps: CommitDeps, file: ClosedFile, sha256: string): Promise<void> {
  const now = new Date(deps.now());
  await utimes(file.path, now, now); // it lingers from now on, however late its commit is
  await deps.spool.linger(file.cameraId, segmentFileName(file.name), lingeringFileName(file.name, sha256));
}

/** Size and SHA-256 (hex) of a file. @param onChunk a sign of life, as bytes are read */
export async function hashFile(filePath: string, onChunk?: () => void): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  await withBuffers(1, async (buffers) => {
    for await (const chunk of chunksOf(filePath, buffers)) {
      hash.update(chunk);
      onChunk?.();
    }
  });
  return { bytes: (await stat(filePath)).size, sha256: hash.digest('hex') };
}

import { isMissingFile, mayPass } from './error-code.ts';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { gapToleranceMs, type Hole } from '../domain/gaps.ts';
import { pieceWithin, type Piece } from '../domain/segment-cut.ts';
import { checkSanity, entriesOf, type SanityLimits, type Segment } from '../domain/segment.ts';
import { leaseOf, type Lease } from '../db/leases.ts';
import { enqueue } from '../db/object-gc.ts';
import { commitSlow, insertSegment, type SlowCommit } from '../db/segments.ts';
import { transaction, type Pool } from '../db/sql.ts';
import { AppError, errorText } from '../errors.ts';
import type { Logger } from '../log.ts';
import { Mp4Error } from '../media/mp4-boxes.ts';
import { cutFile } from '../media/mp4-cut.ts';
import { readIndex, streamFormatOf, type SegmentIndex } from '../media/mp4-index.ts';
import { renameDurably } from '../storage/durable-file.ts';
import { objectKey } from '../storage/keys.ts';
import type { Objects } from '../storage/objects.ts';
import type { Spool } from '../storage/spool.ts';
import type { CameraIds } from './camera-ids.ts';
import type { Failpoint } from './failpoint.ts';
import { handoverCut } from './handover-cut.ts';
import type { Quarantine } from './quarantine.ts';
import type { ClosedFile } from './run-files.ts';
import { lingeringFileName, segmentFileName } from './segment-name.ts';

/** What became of a closed file. */
export type CommitOutcome =
  | { kind: 'committed'; hole: Hole | null }
  /** It was there already: a step after the insert had failed. */
  | { kind: 'already' }
  /** Its time is covered by other footage. */
  | { kind: 'covered' }
  /** Some of its time was free; these files hold it and are to be committed. */
  | { kind: 'cut'; parts: ClosedFile[] }
  | { kind: 'quarantined'; why: string }
  /** It is not there: another process of this host has dealt with it, or somebody removed it. */
  | { kind: 'gone' };

export interface CommitDeps {
  db: Pool;
  objects: Objects;
  spool: Spool;
  cameraIds: CameraIds;
  quarantine: Quarantine;
  limits: SanityLimits;
  /** How long the end of a file waits for a newer recording's first segment. */
  handoverHoldMs: number;
  /** Length of finish windows. */
  windowMs: number;
  log: Logger;
  failpoint: Failpoint;
}

/** Reads of this size keep hashing at 1 MB of memory a commit. */
const hashChunkBytes = 1024 * 1024;
/** Less than this between two files is the jitter of their clocks. */
const shortestPieceMs = 200;
/** A file is listed 1 s after its end, when the other host's first frame is known too, but for the load of the two. */
const firstFrameHoldMs = 3000;
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
    const isUnknown = error instanceof AppError && error.code === 'not-found';
    if (!isUnknown && mayPass(error)) throw error;
    // Tried again it would fail for ever, and block every later file of its camera.
    const why = errorText(error);
    await deps.quarantine(file.cameraId, file.path, why);
    return { kind: 'quarantined', why };
  }
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
  const ids = await deps.cameraIds.of(cameraId);
  const lease = await leaseOf(deps.db, cameraId);
  const fitted = lease === null ? null : await fitToFence(deps, file, index, lease);
  if (fitted !== null) return { kind: 'cut', parts: fitted };

  const { bytes, sha256 } = await hashFile(file.path);
  await failpoint('hashed');
  const segment: Segment = {
    ...file.name,
    bytes,
    sha256,
    variant: 0,
    format: streamFormatOf(index),
    entries: entriesOf(index.fragments, index.timescale, file.name.durationMs),
  };
  const key = objectKey({ tenantId: ids.tenantId, cameraId, ...segment });
  await objects.put(key, file.path, bytes, sha256);
  await failpoint('stored');
  const how = await catalogue(deps, ids.internalId, segment);
  await failpoint('inserted');
  if (typeof how === 'object') {
    await enqueue(deps.db, [key], 'overlaps', Date.now() + uselessObjectMs);
    const pieces = how.free.flatMap((free) => pieceWithin(index.fragments, file.name, free) ?? []);
    const parts = await cutFileToParts(deps, file, index, pieces.filter(isWorthAnObject));
    return parts.length === 0 ? { kind: 'covered' } : { kind: 'cut', parts };
  }
  await moveToLinger(deps, file, sha256);
  await failpoint('lingering');
  return how === 'already' ? { kind: 'already' } : { kind: 'committed', hole: holeBefore(lease, file.name.startMs) };
}

/** The fast path, or the slow one where the fence refuses. */
async function catalogue(deps: CommitDeps, internalId: number, segment: Segment): Promise<SlowCommit> {
  if (await insertSegment(deps.db, internalId, segment, deps.windowMs)) return 'committed';
  return transaction(deps.db, (tx) => commitSlow(tx, internalId, segment, deps.windowMs));
}

/** The files that replace this one before it is stored; null = it is right as it is. */
async function fitToFence(
  deps: CommitDeps,
  file: ClosedFile,
  index: SegmentIndex,
  lease: Lease,
): Promise<ClosedFile[] | null> {
  const split = await splitAtHandover(deps, file, index, lease);
  if (split !== null) return split;
  const joined = await joinWatermark(file, lease.lastEndMs);
  return joined === null ? null : [joined];
}

/**
 * Two clocks that saw the same key picture differ by some ms. So little of an overlap is no reason to drop a GOP: the
 * file starts where the footage before it ends.
 */
async function joinWatermark(file: ClosedFile, lastEndMs: number): Promise<ClosedFile | null> {
  const overlapMs = lastEndMs - file.name.startMs;
  if (overlapMs <= 0 || overlapMs > gapToleranceMs || overlapMs >= file.name.durationMs) return null;
  const name = { ...file.name, startMs: lastEndMs, durationMs: file.name.durationMs - overlapMs };
  const target = path.join(path.dirname(file.path), segmentFileName(name));
  await renameDurably(file.path, target);
  return { ...file, path: target, name };
}

/**
 * A newer recording has its first frame within this file or before it: from there on its footage counts. The rest of
 * this file is kept back until that footage had time to be committed; what is not covered then is committed after all.
 */
async function splitAtHandover(
  deps: CommitDeps,
  file: ClosedFile,
  index: SegmentIndex,
  lease: Lease,
): Promise<ClosedFile[] | null> {
  const { startMs, durationMs, epoch } = file.name;
  if (lease.epoch <= epoch || file.held?.for === 'footage') return null;
  if (lease.recordingEpoch <= epoch || lease.firstFrameMs === null) {
    // Another host is about to take over, and its first frame may lie within this file.
    const held = { for: 'first-frame' as const, untilMs: Date.now() + firstFrameHoldMs };
    return file.held === undefined ? [{ ...file, held }] : null;
  }
  const held = { for: 'footage' as const, untilMs: lease.firstFrameMs + deps.handoverHoldMs };
  if (held.untilMs < Date.now()) return null;
  const cut = handoverCut({ ...index, ...file.name }, lease.firstFrameMs);
  if (cut === null) return null;
  if (cut.fragment === 0) return [{ ...file, held }];
  const [head, rest] = await cutFileToParts(deps, file, index, [
    { from: 0, to: cut.fragment, startMs, durationMs: cut.atMs - startMs },
    {
      from: cut.fragment,
      to: index.fragments.length,
      startMs: cut.atMs,
      durationMs: startMs + durationMs - cut.atMs,
    },
  ]);
  if (head === undefined || rest === undefined) throw new Error('a file was not cut in two');
  return [head, { ...rest, held }];
}

function isWorthAnObject(piece: Piece): boolean {
  return piece.durationMs >= shortestPieceMs;
}

/** Replaces a file of `closed/` by parts of it. */
async function cutFileToParts(
  deps: CommitDeps,
  file: ClosedFile,
  index: SegmentIndex,
  parts: readonly Piece[],
): Promise<ClosedFile[]> {
  const { cameraId, name } = file;
  const made: ClosedFile[] = [];
  for (const part of parts) {
    const anchor = part.from === 0 ? name.anchor : true;
    const partName = { startMs: part.startMs, durationMs: part.durationMs, epoch: name.epoch, anchor };
    const target = path.join(path.dirname(file.path), segmentFileName(partName));
    await cutFile(file.path, index, part, target);
    await deps.failpoint('cut');
    made.push({ cameraId, path: target, name: partName });
  }
  deps.log.info({ cameraId, name, parts: made.map((part) => part.name) }, 'overlapping file cut to its free parts');
  if (made.every((part) => part.path !== file.path)) await deps.spool.remove(file.path);
  return made;
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
  const now = new Date();
  await utimes(file.path, now, now); // it lingers from now on, however late its commit is
  await deps.spool.linger(file.cameraId, segmentFileName(file.name), lingeringFileName(file.name, sha256));
}

/** Size and SHA-256 (hex) of a file. */
export async function hashFile(filePath: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(filePath, { highWaterMark: hashChunkBytes }), hash);
  return { bytes: (await stat(filePath)).size, sha256: hash.digest('hex') };
}

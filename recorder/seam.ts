import { gapToleranceMs } from '../domain/gaps.ts';
import { markSeam, type Lease } from '../db/leases.ts';
import { wasLostBefore } from '../db/recorders.ts';
import { firstStartOf } from '../db/segments.ts';
import type { Pool } from '../db/sql.ts';
import type { Logger } from '../log.ts';
import type { SegmentIndex } from '../media/mp4-index.ts';
import type { Spool } from '../storage/spool.ts';
import { cutToParts, placeAnew } from './closed-cut.ts';
import { clockSkewMs, fragmentOfKey, mayHold, mediaMs, placeOfKey, recentMs, type FirstKey } from './common-key.ts';
import type { Failpoint } from './failpoint.ts';
import { handoverCut } from './handover-cut.ts';
import { movedOn } from './own-footage.ts';
import type { ClosedFile, Hold } from './run-files.ts';

export interface SeamDeps {
  db: Pool;
  spool: Spool;
  /** How long the end of a file waits for a newer recording's first segment. */
  handoverHoldMs: number;
  log: Logger;
  now: () => number;
  failpoint: Failpoint;
}

/** What a file becomes so that it meets the footage before or after it: other files, or this one later. */
export type Fit = { parts: ClosedFile[] } | { held: Hold } | null;

/** Whether another host that has taken the camera has its first frame: asked so often, and so long after a file's end. */
const lookAgainMs = 500;
const firstFrameWaitMs = 10_000;
/** A smaller lead of an archive than this is slewed away, and no step of a clock. */
const smallestLeadMs = 1000;
/** From a newer recording's first frame on: an older one goes on until it has the same key, 10 s at most. */
export const commonKeyWaitMs = 12_000;

/**
 * Where two recordings of a camera meet. Both hold the key picture that the newer one begins with: there the older one
 * is cut, exactly, and what follows is kept back until the newer one's footage is committed. Where no key is common (a
 * camera that encodes for each client), the cut is at the key nearest in time.
 * @returns null where the file is right as it is
 */
export async function fitToSeam(
  deps: SeamDeps,
  file: ClosedFile,
  index: SegmentIndex,
  fence: { internalId: number; lease: Lease },
): Promise<Fit> {
  const { lease } = fence;
  return (
    (await fitNewer(deps, file, index, fence)) ??
    (lease.epoch > file.name.epoch ? await fitOlder(deps, file, index, fence) : null) ??
    (await joinWatermark(deps, file, lease.lastEndMs))
  );
}

async function fitOlder(
  deps: SeamDeps,
  file: ClosedFile,
  index: SegmentIndex,
  { internalId, lease }: { internalId: number; lease: Lease },
): Promise<Fit> {
  const { cameraId, name } = file;
  const nowMs = deps.now();
  const { recordingEpoch, firstFrameMs, firstKeySha256 } = lease;
  if (file.held?.for === 'footage') return placeRest(deps, file, internalId, lease);
  const endMs = name.startMs + name.durationMs;
  // Another host is about to take over, and its first frame may lie within this file; not so in one of a backlog.
  if (recordingEpoch <= name.epoch || firstFrameMs === null) return wait(file, endMs + firstFrameWaitMs, nowMs);

  const restFrom = (atMs: number): Hold => ({ for: 'footage', untilMs: atMs + deps.handoverHoldMs });
  const rest = restFrom(firstFrameMs);
  if (firstKeySha256 !== null && mayHold(name, firstFrameMs, nowMs)) {
    const key: FirstKey = { epoch: recordingEpoch, sha256: firstKeySha256, atMs: firstFrameMs };
    const at = { sha256: key.sha256, startMs: name.startMs, nearMs: key.atMs };
    const place = await fragmentOfKey(file.path, index, at);
    const fragment = index.fragments[place ?? -1];
    const seamMs =
      fragment === undefined
        ? await placeOfKey(deps.spool, cameraId, key, nowMs)
        : name.startMs + mediaMs(index, fragment);
    if (seamMs !== null) {
      if (lease.seam?.epoch !== recordingEpoch) {
        await markSeam(deps.db, cameraId, { epoch: recordingEpoch, atMs: seamMs });
      }
      await deps.failpoint('seam');
      // By this host's clock, where the other's is far behind.
      if (name.startMs >= seamMs) return { held: restFrom(Math.max(firstFrameMs, seamMs)) };
      if (place !== null) return cutInTwo(deps, file, index, { fragment: place, atMs: seamMs });
      return endMs === seamMs ? meetNewer(deps, file, internalId, key) : null;
    }
    // It may be in the file that is being recorded.
    if (nowMs < firstFrameMs + commonKeyWaitMs) return wait(file, firstFrameMs + commonKeyWaitMs, nowMs);
  }
  if (rest.untilMs < nowMs) return null;
  const cut = handoverCut({ ...index, ...name }, firstFrameMs);
  if (cut === null) return null;
  return cut.fragment === 0 ? { held: rest } : cutInTwo(deps, file, index, cut);
}

function wait(file: ClosedFile, untilMs: number, nowMs: number): Fit {
  const giveUpMs = file.held?.for === 'seam' ? file.held.giveUpMs : untilMs;
  return giveUpMs <= nowMs ? null : { held: { for: 'seam', untilMs: nowMs + lookAgainMs, giveUpMs } };
}

/** Before and after; the latter is kept back when its turn comes. */
async function cutInTwo(
  deps: SeamDeps,
  file: ClosedFile,
  index: SegmentIndex,
  cut: { fragment: number; atMs: number },
): Promise<Fit> {
  const { startMs, durationMs } = file.name;
  const head = { from: 0, to: cut.fragment, startMs, durationMs: cut.atMs - startMs };
  const rest = {
    from: cut.fragment,
    to: index.fragments.length,
    startMs: cut.atMs,
    durationMs: startMs + durationMs - cut.atMs,
  };
  return { parts: await cutToParts(deps, file, index, [head, rest]) };
}

/** The file ends before the common key: where the newer footage is committed already, that says when the key was. */
async function meetNewer(deps: SeamDeps, file: ClosedFile, internalId: number, key: FirstKey): Promise<Fit> {
  const { startMs, durationMs } = file.name;
  const endMs = startMs + durationMs;
  const newerMs = await startOfNewer(deps, internalId, key, endMs);
  if (newerMs === null || newerMs === endMs || newerMs <= startMs || newerMs - endMs > recentMs) return null;
  return { parts: [await placeAnew(deps, file, { startMs, endMs: newerMs })] };
}

/**
 * From the common key on all pictures are the newer recording's too, wherever that lies: what is left of an older one
 * takes no free time before that, and is kept only beyond it.
 */
async function placeRest(deps: SeamDeps, file: ClosedFile, internalId: number, lease: Lease): Promise<Fit> {
  const { seam, recordingEpoch, firstFrameMs, firstKeySha256 } = lease;
  const { startMs, durationMs } = file.name;
  if (seam?.epoch !== recordingEpoch || firstFrameMs === null || firstKeySha256 === null) return null;
  const key = { epoch: recordingEpoch, sha256: firstKeySha256, atMs: firstFrameMs };
  const newerMs = await startOfNewer(deps, internalId, key, seam.atMs);
  if (newerMs === null || startMs < seam.atMs || startMs >= newerMs) return null;
  const atMs = startMs + newerMs - seam.atMs;
  return { parts: [await placeAnew(deps, file, { startMs: atMs, endMs: atMs + durationMs })] };
}

/** Where a newer recording's first key lies in the catalogue; null = it is not there (yet). */
async function startOfNewer(deps: SeamDeps, internalId: number, key: FirstKey, seamMs: number): Promise<number | null> {
  const newerMs = await firstStartOf(deps.db, internalId, key.epoch, Math.min(key.atMs, seamMs) - 2 * clockSkewMs);
  // Later than that it is what came after the first file was lost.
  return newerMs === null || newerMs > Math.max(key.atMs, seamMs) + clockSkewMs ? null : newerMs;
}

/**
 * A recording's first file starts where the older one's footage ends at their common key. Where that went on a little
 * beyond the key, the file starts at its end (`joinWatermark` would move it there, and this back again, for ever); where
 * it went on for longer, what is left of this file after it has its right place already.
 */
async function fitNewer(
  deps: SeamDeps,
  file: ClosedFile,
  index: SegmentIndex,
  { internalId, lease }: { internalId: number; lease: Lease },
): Promise<Fit> {
  const { seam, lastEndMs } = lease;
  const { epoch, startMs, anchor } = file.name;
  if (!anchor) return null;
  if (seam?.epoch !== epoch) return waitForSeam(deps, file, index, { internalId, lease });
  const beyondMs = lastEndMs - seam.atMs;
  if (beyondMs > gapToleranceMs && startMs >= lastEndMs) return null;
  const atMs = beyondMs > 0 && beyondMs <= gapToleranceMs ? lastEndMs : seam.atMs;
  if (atMs === startMs) return null;
  const offMs = Math.abs(atMs - startMs);
  if (offMs > clockSkewMs && (offMs > recentMs || !(await startsAtKey(file, index, lease)))) return null;
  if (!(await isFirst(deps, file, internalId, seam.atMs))) return null;
  return { parts: [await placeAnew(deps, file, movedOn(file.name, atMs))] };
}

/**
 * The older recording's footage reaches up to this file, or beyond its start, or its archive was ahead: either this
 * host's clock is behind, or nothing of the kind. Until the older one has said where the common key lies, this file may take the time of what that
 * one has not committed yet, or be taken for covered.
 */
async function waitForSeam(
  deps: SeamDeps,
  file: ClosedFile,
  index: SegmentIndex,
  { internalId, lease }: { internalId: number; lease: Lease },
): Promise<Fit> {
  const { firstFrameMs, lastEndMs } = lease;
  if (firstFrameMs === null) return null;
  if (lastEndMs <= file.name.startMs - gapToleranceMs && lease.archiveLeadMs <= smallestLeadMs) return null;
  if (!(await startsAtKey(file, index, lease))) return null;
  if (!(await isFirst(deps, file, internalId, firstFrameMs))) return null;
  // A backlog's recording has found its place long ago, or never will.
  const nowMs = deps.now();
  const waiting = nowMs > firstFrameMs + recentMs ? null : wait(file, nowMs + commonKeyWaitMs, nowMs);
  return waiting ?? followLost(deps, file, firstFrameMs, lease);
}

/**
 * Nobody is left to say where the common key lies: the older host was lost before this recording began, so no picture
 * is in both. Where its archive was ahead, since its clock had been, its footage covers nothing of this file, and the
 * break after it was as much longer than this host's clock says.
 */
async function followLost(deps: SeamDeps, file: ClosedFile, firstFrameMs: number, lease: Lease): Promise<Fit> {
  const { cameraId, name } = file;
  const leadMs = lease.archiveLeadMs > smallestLeadMs ? lease.archiveLeadMs : 0;
  const atMs = Math.max(lease.lastEndMs, name.startMs + leadMs);
  const aheadMs = atMs - name.startMs;
  if (aheadMs <= gapToleranceMs || aheadMs > recentMs) return null;
  const recording = { epoch: name.epoch, hostId: deps.spool.hostId, beganAgoMs: deps.now() - firstFrameMs };
  if (!(await wasLostBefore(deps.db, cameraId, recording))) return null;
  deps.log.info(
    { cameraId, name, aheadMs },
    'the host before is lost and its archive was ahead: this follows its footage',
  );
  await markSeam(deps.db, cameraId, { epoch: name.epoch, atMs });
  return { parts: [await placeAnew(deps, file, movedOn(name, atMs))] };
}

/** Whether this file begins with the first key of its epoch: it is that recording's first one, whatever clocks say. */
async function startsAtKey({ path, name }: ClosedFile, index: SegmentIndex, lease: Lease): Promise<boolean> {
  const { recordingEpoch, firstKeySha256: sha256 } = lease;
  if (recordingEpoch !== name.epoch || sha256 === null) return false;
  return (await fragmentOfKey(path, index, { sha256, startMs: name.startMs, nearMs: name.startMs })) === 0;
}

/** Whether nothing of this file's epoch is catalogued. */
async function isFirst(deps: SeamDeps, file: ClosedFile, internalId: number, aroundMs: number): Promise<boolean> {
  const fromMs = Math.min(aroundMs, file.name.startMs) - 2 * clockSkewMs;
  return (await firstStartOf(deps.db, internalId, file.name.epoch, fromMs)) === null;
}

/**
 * Two clocks that saw the same key picture differ by some ms. So little of an overlap is no reason to drop a GOP: the
 * file starts where the footage before it ends.
 */
async function joinWatermark(deps: SeamDeps, file: ClosedFile, lastEndMs: number): Promise<Fit> {
  const { startMs, durationMs } = file.name;
  const overlapMs = lastEndMs - startMs;
  if (overlapMs <= 0 || overlapMs > gapToleranceMs || overlapMs >= durationMs) return null;
  return { parts: [await placeAnew(deps, file, { startMs: lastEndMs, endMs: startMs + durationMs })] };
}

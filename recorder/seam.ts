import { gapToleranceMs } from '../domain/gaps.ts';
import { markSeam, type Lease } from '../db/leases.ts';
import { firstStartOf } from '../db/segments.ts';
import type { Pool } from '../db/sql.ts';
import type { Logger } from '../log.ts';
import type { SegmentIndex } from '../media/mp4-index.ts';
import type { Spool } from '../storage/spool.ts';
import { cutToParts, placeAnew } from './closed-cut.ts';
import { clockSkewMs, fragmentOfKey, mediaMs, placeOfKey, type FirstKey } from './common-key.ts';
import type { Failpoint } from './failpoint.ts';
import { handoverCut } from './handover-cut.ts';
import type { ClosedFile, Hold } from './run-files.ts';

export interface SeamDeps {
  db: Pool;
  spool: Spool;
  /** How long the end of a file waits for a newer recording's first segment. */
  handoverHoldMs: number;
  log: Logger;
  failpoint: Failpoint;
}

/** What a file becomes so that it meets the footage before or after it: other files, or this one later. */
export type Fit = { parts: ClosedFile[] } | { held: Hold } | null;

/** Whether another host that has taken the camera has its first frame: asked so often, and for so long. */
const lookAgainMs = 500;
const firstFrameWaitMs = 10_000;
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
    (await fitNewer(deps, file, fence.internalId, lease)) ??
    (lease.epoch > file.name.epoch ? await fitOlder(deps, file, index, fence) : null) ??
    (await joinWatermark(file, lease.lastEndMs))
  );
}

async function fitOlder(
  deps: SeamDeps,
  file: ClosedFile,
  index: SegmentIndex,
  { internalId, lease }: { internalId: number; lease: Lease },
): Promise<Fit> {
  const { cameraId, name } = file;
  const { recordingEpoch, firstFrameMs, firstKeySha256 } = lease;
  if (file.held?.for === 'footage') return null;
  // Another host is about to take over, and its first frame may lie within this file.
  if (recordingEpoch <= name.epoch || firstFrameMs === null) return wait(file, Date.now() + firstFrameWaitMs);

  const rest: Hold = { for: 'footage', untilMs: firstFrameMs + deps.handoverHoldMs };
  const endMs = name.startMs + name.durationMs;
  const isNear = endMs > firstFrameMs - clockSkewMs && name.startMs < firstFrameMs + clockSkewMs;
  if (firstKeySha256 !== null && isNear) {
    const key: FirstKey = { epoch: recordingEpoch, sha256: firstKeySha256, atMs: firstFrameMs };
    const at = { sha256: key.sha256, startMs: name.startMs, nearMs: key.atMs };
    const place = await fragmentOfKey(file.path, index, at);
    const fragment = index.fragments[place ?? -1];
    const seamMs =
      fragment === undefined ? await placeOfKey(deps.spool, cameraId, key) : name.startMs + mediaMs(index, fragment);
    if (seamMs !== null) {
      if (lease.seam?.epoch !== recordingEpoch) {
        await markSeam(deps.db, cameraId, { epoch: recordingEpoch, atMs: seamMs });
      }
      await deps.failpoint('seam');
      if (name.startMs >= seamMs) return { held: rest };
      if (place !== null) return cutInTwo(deps, file, index, { fragment: place, atMs: seamMs });
      return endMs === seamMs ? meetNewer(deps, file, internalId, key) : null;
    }
    // It may be in the file that is being recorded.
    if (Date.now() < firstFrameMs + commonKeyWaitMs) return wait(file, firstFrameMs + commonKeyWaitMs);
  }
  if (rest.untilMs < Date.now()) return null;
  const cut = handoverCut({ ...index, ...name }, firstFrameMs);
  if (cut === null) return null;
  return cut.fragment === 0 ? { held: rest } : cutInTwo(deps, file, index, cut);
}

function wait(file: ClosedFile, untilMs: number): Fit {
  const giveUpMs = file.held?.for === 'seam' ? file.held.giveUpMs : untilMs;
  return giveUpMs <= Date.now() ? null : { held: { for: 'seam', untilMs: Date.now() + lookAgainMs, giveUpMs } };
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
  const newerMs = await firstStartOf(deps.db, internalId, key.epoch, key.atMs - 2 * clockSkewMs);
  const isNear = newerMs !== null && Math.abs(newerMs - startMs - durationMs) <= clockSkewMs && newerMs > startMs;
  if (!isNear || newerMs === startMs + durationMs) return null;
  return { parts: [await placeAnew(file, { startMs, endMs: newerMs })] };
}

/**
 * A recording's first file starts where the older one's footage ends at their common key. Where that went on a little
 * beyond the key, the file starts at its end (`joinWatermark` would move it there, and this back again, for ever); where
 * it went on for longer, what is left of this file after it has its right place already.
 */
async function fitNewer(deps: SeamDeps, file: ClosedFile, internalId: number, lease: Lease): Promise<Fit> {
  const { seam, lastEndMs } = lease;
  const { epoch, startMs, durationMs, anchor } = file.name;
  if (!anchor || seam === null || seam.epoch !== epoch) return null;
  const beyondMs = lastEndMs - seam.atMs;
  if (beyondMs > gapToleranceMs && startMs >= lastEndMs) return null;
  const atMs = beyondMs > 0 && beyondMs <= gapToleranceMs ? lastEndMs : seam.atMs;
  if (atMs === startMs) return null;
  if (Math.abs(atMs - startMs) > clockSkewMs || atMs >= startMs + durationMs) return null;
  if ((await firstStartOf(deps.db, internalId, epoch, seam.atMs - 2 * clockSkewMs)) !== null) return null;
  return { parts: [await placeAnew(file, { startMs: atMs, endMs: startMs + durationMs })] };
}

/**
 * Two clocks that saw the same key picture differ by some ms. So little of an overlap is no reason to drop a GOP: the
 * file starts where the footage before it ends.
 */
async function joinWatermark(file: ClosedFile, lastEndMs: number): Promise<Fit> {
  const { startMs, durationMs } = file.name;
  const overlapMs = lastEndMs - startMs;
  if (overlapMs <= 0 || overlapMs > gapToleranceMs || overlapMs >= durationMs) return null;
  return { parts: [await placeAnew(file, { startMs: lastEndMs, endMs: startMs + durationMs })] };
}

import type { Fragment } from '../domain/segment.ts';
import { keySampleSha256 } from '../media/key-sample.ts';
import type { SegmentIndex } from '../media/mp4-index.ts';
import type { Spool } from '../storage/spool.ts';
import { isMissingFile, isUnreadable } from './error-code.ts';
import { indexIfThere } from './index-if-there.ts';
import { parseSegmentFileName, type SegmentName } from './segment-name.ts';

/**
 * Two hosts that record one stream see a picture so far apart at most: clocks by NTP differ by ms, but a camera may send
 * a new client its last GOP at once, and a busy host reads its sockets late.
 */
export const clockSkewMs = 5000;

/**
 * A clock that was set may be off by much more. What a host has recorded within this time by its own clock is looked
 * through for a key whatever the other host's clock says: a minute has 30 files at most, of 2 s.
 */
export const recentMs = 60_000;

/**
 * The fragment whose key picture has this SHA-256 (hex); null = none has. Of several (a camera without a picture may
 * repeat itself) the one nearest to `nearMs`.
 * @param startMs wall time of the file's first fragment
 */
export async function fragmentOfKey(
  filePath: string,
  index: Pick<SegmentIndex, 'fragments' | 'timescale'>,
  key: { sha256: string; startMs: number; nearMs: number },
): Promise<number | null> {
  let found: number | null = null;
  let bestMs = Infinity;
  for (const [i, fragment] of index.fragments.entries()) {
    if (!fragment.key || (await keySampleSha256(filePath, fragment)) !== key.sha256) continue;
    const distanceMs = Math.abs(key.startMs + mediaMs(index, fragment) - key.nearMs);
    if (distanceMs >= bestMs) continue;
    bestMs = distanceMs;
    found = i;
  }
  return found;
}

/** Time of a fragment from the start of its file. */
export function mediaMs(index: Pick<SegmentIndex, 'fragments' | 'timescale'>, fragment: Fragment): number {
  return Math.round(((fragment.tfdt - (index.fragments[0]?.tfdt ?? 0)) * 1000) / index.timescale);
}

/** The first key picture of a newer recording, by its own host's clock. */
export interface FirstKey {
  epoch: number;
  sha256: string;
  atMs: number;
}

/** Where, on this host's clock, the key picture lies in the closed files of older epochs; null = in none. */
export async function placeOfKey(spool: Spool, cameraId: string, key: FirstKey, nowMs: number): Promise<number | null> {
  for (const { path: filePath, name } of await closedFilesAround(spool, cameraId, key, nowMs)) {
    const index = await indexIfThere(filePath);
    if (index === null) continue;
    const at = { sha256: key.sha256, startMs: name.startMs, nearMs: key.atMs };
    const fragment = index.fragments[(await fragmentIfReadable(filePath, index, at)) ?? -1];
    if (fragment !== undefined) return name.startMs + mediaMs(index, fragment);
  }
  return null;
}

/** Whether this host's footage of the camera, finished or growing, has come to the key picture. */
export async function holdsKey(spool: Spool, cameraId: string, key: FirstKey, nowMs: number): Promise<boolean> {
  const open = (await spool.openFiles()).filter((file) => file.cameraId === cameraId && file.name.endsWith('.mp4'));
  for (const { path: filePath } of open) {
    const index = await indexIfThere(filePath);
    if (index === null) continue;
    const at = { sha256: key.sha256, startMs: 0, nearMs: 0 };
    if ((await fragmentIfReadable(filePath, index, at)) !== null) return true;
  }
  return (await placeOfKey(spool, cameraId, key, nowMs)) !== null;
}

/** `fragmentOfKey` of one of many files: null where it is gone by now, or cannot be read, which its own commit finds. */
async function fragmentIfReadable(...of: Parameters<typeof fragmentOfKey>): Promise<number | null> {
  try {
    return await fragmentOfKey(...of);
  } catch (error) {
    if (isMissingFile(error) || isUnreadable(error)) return null;
    throw error;
  }
}

/** A backlog of hours is not read through for a picture of just now. */
async function closedFilesAround(
  spool: Spool,
  cameraId: string,
  key: FirstKey,
  nowMs: number,
): Promise<{ path: string; name: SegmentName }[]> {
  return (await spool.closedFiles(cameraId)).flatMap((file) => {
    const name = parseSegmentFileName(file.name)?.name;
    if (name === undefined || name.epoch >= key.epoch) return [];
    return mayHold(name, key.atMs, nowMs) ? [{ path: file.path, name }] : [];
  });
}

/** Whether a file may hold a key picture that another host saw at `atMs` by its own clock. */
export function mayHold({ startMs, durationMs }: SegmentName, atMs: number, nowMs: number): boolean {
  const endMs = startMs + durationMs;
  return (startMs < atMs + clockSkewMs && endMs > atMs - clockSkewMs) || endMs > nowMs - recentMs;
}

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Segment } from '../domain/segment.ts';
import { hashFile } from '../recorder/commit.ts';
import { lingeringFileName } from '../recorder/segment-name.ts';
import { objectKey } from '../storage/keys.ts';
import { linkIfThere } from '../storage/link-or-copy.ts';
import type { Objects } from '../storage/objects.ts';
import { download } from './download.ts';

/** An object's bytes are not those that were catalogued, or it is gone. */
export class LostSourceError extends Error {
  override readonly name = 'LostSourceError';
}

export interface SourceDeps {
  objects: Objects;
  /** The spool of this host's recorder; null = it has none. */
  spoolDir: string | null;
  /** Told of bytes that came. */
  onBytes: (bytes: number) => void;
  signal: AbortSignal;
}

/** Of one job; more would only wait for each other at a 1 Gbit/s line. */
const concurrentFetches = 4;

/**
 * Brings segments onto this host's disk as `<dir>/<startMs>.mp4`: from the spool while they linger there, else from
 * the object store. Either way their hash is checked: a host that lost its power has torn files in its spool.
 * @returns their paths in the same order, and how many bytes had to be fetched
 * @throws LostSourceError
 */
export async function fetchSources(
  deps: SourceDeps,
  camera: { tenantId: string; cameraId: string },
  segments: readonly Segment[],
  dir: string,
): Promise<{ paths: string[]; fetchedBytes: number }> {
  const paths = segments.map(({ startMs }) => join(dir, `${startMs}.mp4`));
  const queue = segments.map((segment, i) => ({ segment, path: paths[i] ?? '' }));
  let fetchedBytes = 0;
  async function work(): Promise<void> {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      deps.signal.throwIfAborted();
      if (await takeFromSpool(deps, camera.cameraId, next.segment, next.path)) continue;
      await fetchObject(deps, { ...camera, ...next.segment }, next.path);
      fetchedBytes += next.segment.bytes;
    }
  }
  await Promise.all(Array.from({ length: concurrentFetches }, work));
  return { paths, fetchedBytes };
}

/**
 * A link of its own, since the recorder removes a lingering file at any time.
 * @returns false where the store is asked
 */
async function takeFromSpool(
  { spoolDir, onBytes }: SourceDeps,
  cameraId: string,
  segment: Segment,
  target: string,
): Promise<boolean> {
  if (spoolDir === null || segment.variant !== 0) return false;
  const source = join(spoolDir, 'linger', cameraId, lingeringFileName(segment, segment.sha256));
  if (!(await linkIfThere(source, target))) return false;
  const { sha256 } = await hashFile(target, () => onBytes(0));
  if (sha256 === segment.sha256) return true;
  // Only the link: what is fetched must not be written into the recorder's file.
  await rm(target);
  return false;
}

async function fetchObject(
  deps: SourceDeps,
  segment: Segment & { tenantId: string; cameraId: string },
  target: string,
): Promise<void> {
  const watch = { onBytes: deps.onBytes, signal: deps.signal };
  const file = await download(deps.objects, objectKey(segment), target, watch);
  if (file === null) throw new LostSourceError('a source is gone from the object store');
  if (file.sha256 !== segment.sha256) throw new LostSourceError('a source is not what was catalogued');
}

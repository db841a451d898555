import { insertSegment } from '../../db/segments.ts';
import type { Pool } from '../../db/sql.ts';
import { entriesOf, segmentDurationMs, type Segment } from '../../domain/segment.ts';
import { firstTfdt, readIndex, streamFormatOf } from '../../media/mp4-index.ts';
import { hashFile } from '../../recorder/commit.ts';
import { objectKey } from '../../storage/keys.ts';
import type { Objects } from '../../storage/objects.ts';

export interface CommittedCamera {
  id: string;
  internalId: number;
  tenantId: string;
}

export interface CommitOptions {
  startMs: number;
  windowMs: number;
  /** The first of them starts a new media timeline. */
  anchor?: boolean;
}

const limits = { maxDurationMs: 600_000 };

/** Commits files that ffmpeg recorded one after the other, as a recorder of epoch 1 would. */
export async function commitFootage(
  store: { db: Pool; objects: Objects },
  camera: CommittedCamera,
  paths: readonly string[],
  { startMs, windowMs, anchor = true }: CommitOptions,
): Promise<Segment[]> {
  const segments: Segment[] = [];
  let atMs = startMs;
  for (const [i, path] of paths.entries()) {
    const index = await readIndex(path);
    const next = paths[i + 1];
    const durationMs = segmentDurationMs(index, next === undefined ? null : await firstTfdt(next), limits);
    const segment: Segment = {
      startMs: atMs,
      durationMs,
      epoch: 1,
      ...(await hashFile(path)),
      variant: 0,
      anchor: anchor && i === 0,
      format: streamFormatOf(index),
      entries: entriesOf(index.fragments, index.timescale, durationMs),
    };
    const key = objectKey({ tenantId: camera.tenantId, cameraId: camera.id, ...segment });
    await store.objects.put(key, path, segment.bytes, segment.sha256);
    if (!(await insertSegment(store.db, camera.internalId, segment, windowMs))) throw new Error('refused by the fence');
    segments.push(segment);
    atMs += durationMs;
  }
  return segments;
}

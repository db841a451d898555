import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseObjectKey } from '../../storage/keys.ts';
import { createObjects, type ObjectsOptions } from '../../storage/objects.ts';
import { followFrames, readFrameCounters, type FrameReport } from './frame-counter.ts';

/**
 * What a camera's objects in the bucket show, in the order of their start: every picture is decoded and its burnt-in
 * counter read.
 */
export async function framesInBucket(
  s3: ObjectsOptions,
  cameraId: string,
  loopFrames: number,
): Promise<FrameReport & { objects: number }> {
  const objects = createObjects(s3);
  const dir = await mkdtemp(join(tmpdir(), 'framekeep-archive-'));
  try {
    const keys: { key: string; startMs: number }[] = [];
    for await (const { key } of objects.list('')) {
      const parsed = parseObjectKey(key);
      if (parsed?.cameraId === cameraId) keys.push({ key, startMs: parsed.startMs });
    }
    keys.sort((a, b) => a.startMs - b.startMs);
    const files: string[] = [];
    for (const [place, { key }] of keys.entries()) {
      const path = join(dir, `${place}.mp4`);
      await pipeline(await objects.read(key), createWriteStream(path));
      files.push(path);
    }
    return { ...followFrames(await readFrameCounters(files), loopFrames), objects: keys.length };
  } finally {
    objects.close();
    await rm(dir, { recursive: true, force: true });
  }
}

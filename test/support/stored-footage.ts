import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { insertSegment } from '../../db/segments.ts';
import type { Db } from '../../db/sql.ts';
import type { Segment } from '../../domain/segment.ts';
import { objectKey } from '../../storage/keys.ts';
import type { Objects } from '../../storage/objects.ts';
import { segmentOf } from '../db/fixtures.ts';

export interface FootageOwner {
  id: string;
  tenantId: string;
  internalId: number;
}

/** A catalogued segment with an object whose bytes are its own text, as a recorder leaves it. */
export async function storeFootage(
  { db, objects }: { db: Db; objects: Objects },
  camera: FootageOwner,
  given: { startMs: number; durationMs?: number; epoch?: number },
): Promise<{ key: string; segment: Segment }> {
  const { key, segment, body } = footageOf(camera, given);
  await objects.put(key, Readable.from([body]), body.length, segment.sha256);
  const { rowCount } = await db.query(`update camera_lease set epoch = $2 where camera_id = $1`, [
    camera.internalId,
    segment.epoch,
  ]);
  if (rowCount !== 1 || !(await insertSegment(db, camera.internalId, segment))) throw new Error('not catalogued');
  return { key, segment };
}

/** What `storeFootage` stores, not stored yet. */
export function footageOf(
  camera: FootageOwner,
  given: { startMs: number; durationMs?: number; epoch?: number },
): { key: string; segment: Segment; body: Buffer } {
  const { startMs, durationMs = 60_000, epoch = 1 } = given;
  const body = Buffer.from(`footage of ${camera.id} at ${startMs}`);
  const sha256 = createHash('sha256').update(body).digest('hex');
  const segment = segmentOf({ startMs, durationMs, epoch, bytes: body.length, sha256 });
  return { key: objectKey({ tenantId: camera.tenantId, cameraId: camera.id, ...segment }), segment, body };
}

/** The keys below a camera's folder. */
export async function keysOf(objects: Objects, camera: { id: string; tenantId: string }): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of objects.traces(`${camera.tenantId}/${camera.id}/`)) keys.push(key);
  return keys;
}

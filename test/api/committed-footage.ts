import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { takeEpoch } from '../../db/leases.ts';
import { cameraForRecording } from '../../db/recorded-cameras.ts';
import { insertSegment } from '../../db/segments.ts';
import type { Camera } from '../../domain/camera.ts';
import { entriesOf, segmentDurationMs, type Segment } from '../../domain/segment.ts';
import { readIndex, streamFormatOf } from '../../media/mp4-index.ts';
import { objectKey } from '../../storage/keys.ts';
import { makeFolder, makeSource, record } from '../media/footage.ts';
import type { ApiUnderTest } from './api-under-test.ts';

export interface RecordedFile {
  bytes: Buffer;
  segment: Omit<Segment, 'startMs' | 'epoch'>;
}

/** Three segments of 4 s as the recorder's ffmpeg writes them. */
export async function recordFiles(): Promise<RecordedFile[]> {
  const folder = await makeFolder();
  try {
    const source = join(folder.path, 'source.mp4');
    await makeSource(source, { seconds: 12, gop: 60 });
    const paths = await record(source, { dir: folder.path });
    return await Promise.all(paths.map(readRecorded));
  } finally {
    await folder.remove();
  }
}

/** A file as it is committed; the first of several begins a new media timeline. */
export async function readRecorded(path: string, position: number): Promise<RecordedFile> {
  const [bytes, index] = await Promise.all([readFile(path), readIndex(path)]);
  const durationMs = segmentDurationMs(index, null, { maxDurationMs: 60_000 });
  return {
    bytes,
    segment: {
      durationMs,
      bytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      variant: 0,
      anchor: position === 0,
      format: streamFormatOf(index),
      entries: entriesOf(index.fragments, index.timescale, durationMs),
    },
  };
}

/** Stores and catalogues files at these times, as a recorder would. @returns the segments and their keys */
export async function commit(
  api: ApiUnderTest,
  camera: Camera,
  parts: { file: RecordedFile | undefined; startMs: number }[],
): Promise<{ segment: Segment; key: string }[]> {
  const internalId = (await cameraForRecording(api.database.pool, camera.id))?.internalId ?? 0;
  const hostId = '0199d2c4-0000-7000-8000-000000000001';
  const epoch = await takeEpoch(api.database.pool, camera.id, { hostId, sessionId: null });
  const committed = [];
  for (const { file, startMs } of parts) {
    if (file === undefined) throw new Error('there are fewer recorded files than that');
    const segment: Segment = { ...file.segment, startMs, epoch };
    const key = objectKey({ tenantId: camera.tenantId, cameraId: camera.id, ...segment });
    await api.deps.objects.put(key, Readable.from([file.bytes]), file.bytes.length, segment.sha256);
    if (!(await insertSegment(api.database.pool, internalId, segment))) throw new Error('the fence refused a segment');
    committed.push({ segment, key });
  }
  return committed;
}

/** Moves a camera's life into the past: footage cannot be older than its camera. */
export async function backdate(api: ApiUnderTest, camera: Camera, createdAtMs: number): Promise<void> {
  const { pool } = api.database;
  const values = [camera.id, new Date(createdAtMs)];
  await pool.query(`update camera set created_at = $2 where public_id = $1`, values);
  const own = `camera_id = (select id from camera where public_id = $1)`;
  await pool.query(`update camera_lease set last_end_at = $2 where ${own}`, values);
  await pool.query(`update gap set start_at = $2 where ${own}`, values);
}

import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { insertCamera } from '../../db/cameras.ts';
import { defaultProfile } from '../../db/profiles.ts';
import { cameraForRecording } from '../../db/recorded-cameras.ts';
import { insertSegment } from '../../db/segments.ts';
import type { Pool } from '../../db/sql.ts';
import { defaultTenant } from '../../db/tenants.ts';
import { packEntries } from '../../domain/entries.ts';
import type { Entry, Segment } from '../../domain/segment.ts';
import { newUuid } from '../../security/uuid.ts';
import { objectKey } from '../../storage/keys.ts';
import type { Objects } from '../../storage/objects.ts';

export interface BenchCamera {
  internalId: number;
  cameraId: string;
  tenantId: string;
}

export const firstMs = Date.UTC(2026, 0, 1);
export const finalMs = 600_000;

/** Cameras that keep their footage for a year; made long before any of it. */
export async function makeCameras(db: Pool, count: number): Promise<BenchCamera[]> {
  const cameras: BenchCamera[] = [];
  const [tenant, profile] = [await defaultTenant(db), await defaultProfile(db)];
  for (let i = 0; i < count; i += 1) {
    const { id } = await insertCamera(db, {
      id: newUuid(Date.now()),
      tenantId: tenant.id,
      name: `camera ${i}`,
      sealedUrl: '',
      urlRedacted: '',
      tier: 'normal',
      profileId: profile.id,
      retentionDays: 366,
    });
    const internalId = (await cameraForRecording(db, id))?.internalId ?? 0;
    cameras.push({ internalId, cameraId: id, tenantId: tenant.id });
  }
  const since = new Date(firstMs);
  await db.query(`update camera set created_at = $1`, [since]);
  await db.query(`update camera_lease set last_end_at = $1`, [since]);
  await db.query(`update gap set start_at = $1`, [since]);
  return cameras;
}

const bodyOf = (camera: BenchCamera, place: number): Buffer => Buffer.from(`${camera.internalId} ${place}`);
const sha256Of = (body: Buffer): string => createHash('sha256').update(body).digest('hex');

const finalBytes = 75_000_000;
/** A key picture each 4 s, which many cameras are set to. */
const entriesOfFinal = 150;

const noiseOf = (i: number): number => Number.parseInt(sha256Of(Buffer.from(`entry ${i}`)).slice(0, 4), 16);

/** The playlist of a final. Each entry is of another size, as in life: what is all the same could be compressed away. */
const finalEntries = Array.from({ length: entriesOfFinal }, (_, i): Entry => ({
  // What one has more the next has less: all are as long as the final.
  bytes: finalBytes / entriesOfFinal + (i % 2 === 0 ? noiseOf(i) : -noiseOf(i - 1)),
  ms: finalMs / entriesOfFinal,
  keyBytes: 60_000 + noiseOf(i + entriesOfFinal),
}));

/** A final of ten minutes at 1 Mbit/s. */
export function benchSegment(camera: BenchCamera, place: number): Segment {
  return {
    startMs: firstMs + place * finalMs,
    durationMs: finalMs,
    bytes: finalBytes,
    epoch: 0,
    sha256: sha256Of(bodyOf(camera, place)),
    variant: 0,
    anchor: false,
    format: {
      codec: 'h264',
      codecTag: 'avc1.64001f',
      width: 1280,
      height: 720,
      fps: 10,
      audioCodec: null,
      initBytes: 800,
      initSha256: sha256Of(Buffer.from('init')),
    },
    entries: finalEntries,
  };
}

/** Fills the catalogue in the order of arrival: neighbours in time of one camera lie far from each other on disk. */
export async function fillCatalogue(db: Pool, cameras: readonly BenchCamera[], perCamera: number): Promise<void> {
  const [first] = cameras;
  if (first !== undefined) await insertSegment(db, first.internalId, benchSegment(first, 0));
  const entries = Buffer.from(packEntries(finalEntries));
  const chunk = 200;
  let next = 0;
  const work = async (): Promise<void> => {
    for (let from = next; from < perCamera; from = next) {
      next = from + chunk;
      await db.query(
        `insert into segment (camera_id, start_at, duration_ms, epoch, sha256, bytes, format_id, entries)
         select c, $1::timestamptz + n::float8 * $2::int * interval '1 ms', $2::int, 0, sha256((c || ' ' || n)::bytea), $6::bigint,
           (select min(id) from stream_format), $7::bytea
         from generate_series($3::int, $4::int) as n, unnest($5::int[]) as c order by n, c on conflict do nothing`,
        [
          new Date(firstMs),
          finalMs,
          from,
          Math.min(next, perCamera) - 1,
          cameras.map(({ internalId }) => internalId),
          finalBytes,
          entries,
        ],
      );
    }
  };
  await Promise.all([work(), work()]);
  await db.query(`update camera_lease set last_end_at = $1`, [new Date(firstMs + perCamera * finalMs)]);
  await db.query('vacuum (analyze) segment');
  await db.query('analyze');
}

/** Stores the objects of each camera's oldest segments. @returns their keys */
export async function storeObjects(
  objects: Objects,
  cameras: readonly BenchCamera[],
  places: { from: number; to: number },
): Promise<string[]> {
  const keys: string[] = [];
  const queue = cameras.flatMap((camera) =>
    Array.from({ length: places.to - places.from }, (_, i) => ({ camera, place: places.from + i })),
  );
  const work = async (): Promise<void> => {
    for (let item = queue.pop(); item !== undefined; item = queue.pop()) {
      const body = bodyOf(item.camera, item.place);
      const segment = benchSegment(item.camera, item.place);
      const key = objectKey({ tenantId: item.camera.tenantId, cameraId: item.camera.cameraId, ...segment });
      await objects.put(key, Readable.from([body]), body.length, segment.sha256);
      keys.push(key);
    }
  };
  await Promise.all(Array.from({ length: 24 }, work));
  return keys;
}

import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { Client } from 'minio';
import type { Pool } from 'pg';
import { filesAtOnce, tryFrameCounters } from './frame-counter.ts';
import {
  missingRuns,
  placeOnClock,
  type ArchiveRow,
  type ExplainedGap,
  type MissingRun,
  type ShownFrames,
} from './missing-pictures.ts';

export interface CheckReport {
  objects: number;
  recordedMs: number;
  missing: MissingRun[];
  unexplainedMs: number;
  /** Pairs of rows of a camera that share time. */
  overlaps: number;
  /** Pictures that stand in two objects. */
  doubleFrames: number;
  /** The pairs of objects that they stand in, by key, and how many in each pair. */
  doubles: Map<string, number>;
  /** Places where a camera's pictures go back in time, read row by row and within a row as its object has them. */
  disordered: number;
  /** The objects before and after such a place, by key, and how many places in each pair. */
  disorders: Map<string, number>;
  undecodable: string[];
  /** Rows whose object is not there, or other bytes than the row says. */
  wrongObjects: string[];
  /** Objects with neither a row nor an order to be deleted. */
  orphans: string[];
}

/** What the report of a sound archive says; what is missing, and orphans, are for each to judge. */
export const sound = { overlaps: 0, doubleFrames: 0, disordered: 0, undecodable: [], wrongObjects: [] };

/** A picture of a camera and the row that holds it. */
interface Picture {
  index: number;
  row: ArchiveRow;
}

/**
 * Compares what cameras showed with what the archive holds. It shares no code with the product: own SQL, own reading
 * of the bucket, own picture counting.
 * @param options.gapsOf the gaps that the product itself reports for a camera
 */
export async function checkArchive(options: {
  pool: Pool;
  s3: { endpoint: string; accessKey: string; secretKey: string; bucket: string; region: string };
  cameras: ShownFrames[];
  gapsOf: (cameraId: string) => Promise<ExplainedGap[]>;
}): Promise<CheckReport> {
  const { pool, s3, cameras } = options;
  const { hostname, port } = new URL(s3.endpoint);
  const { accessKey, secretKey, region, bucket } = s3;
  const client = new Client({ endPoint: hostname, port: Number(port), useSSL: false, accessKey, secretKey, region });
  const dir = await mkdtemp(join(tmpdir(), 'framekeep-check-'));
  const report: CheckReport = {
    objects: 0,
    recordedMs: 0,
    missing: [],
    unexplainedMs: 0,
    overlaps: 0,
    doubleFrames: 0,
    doubles: new Map(),
    disordered: 0,
    disorders: new Map(),
    undecodable: [],
    wrongObjects: [],
    orphans: [],
  };
  try {
    const known = new Set<string>(await ordersToDelete(pool));
    for (const camera of cameras) {
      const rows = await rowsOf(pool, camera.cameraId);
      let latestEndMs = -Infinity;
      const pictures: Picture[] = [];
      for (const row of rows) {
        known.add(row.key);
        report.objects += 1;
        report.recordedMs += row.endMs - row.startMs;
        if (row.startMs < latestEndMs) report.overlaps += 1;
        latestEndMs = Math.max(latestEndMs, row.endMs);
      }
      // As many at once are on the disk, and read by one ffmpeg.
      for (let at = 0; at < rows.length; at += filesAtOnce) {
        const stored: { row: ArchiveRow; path: string }[] = [];
        for (const [place, row] of rows.slice(at, at + filesAtOnce).entries()) {
          const bytes = await client.getObject(bucket, row.key).then(buffer, () => null);
          if (bytes === null || bytes.length !== row.bytes || sha256(bytes) !== row.sha256) {
            report.wrongObjects.push(row.key);
          } else {
            const path = join(dir, `${place}.mp4`);
            await writeFile(path, bytes);
            stored.push({ row, path });
          }
        }
        const read = await tryFrameCounters(stored.map(({ path }) => path));
        for (const [place, { row }] of stored.entries()) {
          const counters = read[place] ?? [];
          if (counters instanceof Error) report.undecodable.push(`${row.key}: ${String(counters)}`);
          else pictures.push(...placeOnClock(counters, row, camera).map((index) => ({ index, row })));
        }
      }
      const seen = followPictures(pictures, report);
      const runs = missingRuns(seen, camera, await options.gapsOf(camera.cameraId));
      report.missing.push(...runs);
      report.unexplainedMs += runs.reduce((sum, run) => sum + run.unexplainedMs, 0);
    }
    for await (const { name } of client.listObjectsV2(bucket, '', true) as AsyncIterable<{ name: string }>) {
      if (!known.has(name)) report.orphans.push(name);
    }
    return report;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Counts pictures that are there twice, and places where they go back. @returns the row of each picture */
function followPictures(pictures: readonly Picture[], report: CheckReport): Map<number, ArchiveRow> {
  const seen = new Map<number, ArchiveRow>();
  let before: Picture | undefined;
  for (const picture of pictures) {
    const { index, row } = picture;
    const other = seen.get(index);
    if (other !== undefined) {
      report.doubleFrames += 1;
      countPair(report.doubles, other, row);
    }
    if (before !== undefined && index < before.index) {
      report.disordered += 1;
      countPair(report.disorders, before.row, row);
    }
    seen.set(index, row);
    before = picture;
  }
  return seen;
}

function countPair(pairs: Map<string, number>, one: ArchiveRow, other: ArchiveRow): void {
  const pair = `${one.key} ${other.key}`;
  pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function ordersToDelete(pool: Pool): Promise<string[]> {
  return (await pool.query<{ key: string }>('select key from object_gc')).rows.map(({ key }) => key);
}

async function rowsOf(pool: Pool, cameraId: string): Promise<ArchiveRow[]> {
  const { rows } = await pool.query<{ key: string; sha: string; bytes: string; start_ms: string; end_ms: string }>(
    `select t.public_id || '/' || c.public_id || '/' || to_char(s.start_at at time zone 'UTC', 'YYYYMMDD') || '/'
         || (extract(epoch from s.start_at) * 1000)::bigint || '-' || s.duration_ms || '-' || s.epoch || '-'
         || s.variant || '-' || left(encode(s.sha256, 'hex'), 16) || '.mp4' as key,
       encode(s.sha256, 'hex') as sha, s.bytes,
       (extract(epoch from s.start_at) * 1000)::bigint as start_ms,
       (extract(epoch from s.start_at) * 1000)::bigint + s.duration_ms as end_ms
     from segment s join camera c on c.id = s.camera_id join tenant t on t.id = c.tenant_id
     where c.public_id = $1 and s.state = 0 order by s.start_at`,
    [cameraId],
  );
  return rows.map((row) => ({
    key: row.key,
    sha256: row.sha,
    bytes: Number(row.bytes),
    startMs: Number(row.start_ms),
    endMs: Number(row.end_ms),
  }));
}

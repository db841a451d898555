import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { nothingSwept, sweepShard } from '../../activities/sweep-retention.ts';
import { dueFootage } from '../../db/due-footage.ts';
import { segmentsBetween } from '../../db/footage.ts';
import { holesOf } from '../../db/holes.ts';
import { migrate } from '../../db/migrate.ts';
import { insertSegment } from '../../db/segments.ts';
import { createPool, type Db, type Pool } from '../../db/sql.ts';
import { dayMs } from '../../domain/retention.ts';
import { createObjects } from '../../storage/objects.ts';
import { ensureDatabase, startPostgres } from '../embedded/postgres.ts';
import { endRecorded, openProcessRecord } from '../embedded/process-record.ts';
import { startSeaweedfs } from '../embedded/seaweedfs.ts';
import { printFigure, quantile, rounded, say } from './figure.ts';
import {
  benchSegment,
  fillCatalogue,
  finalMs,
  firstMs,
  makeCameras,
  storeObjects,
  type BenchCamera,
} from './retention-catalogue.ts';

const shards = 4;
const commitsPerSecond = 100;
const baselineMs = 10_000;

/** The sweep and the hot queries on a big catalogue: `--rows 10000000 --cameras 300 --due 60` (due: a camera). */
export async function benchRetention(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      rows: { type: 'string', default: '10000000' },
      cameras: { type: 'string', default: '300' },
      due: { type: 'string', default: '60' },
    },
  });
  const [rows, count, due] = [Number(values.rows), Number(values.cameras), Number(values.due)];
  const dir = mkdtempSync(join(tmpdir(), 'framekeep-bench-'));
  chmodSync(dir, 0o711); // Postgres's user must get to its folder
  const recordPath = join(dir, 'processes.json');
  const record = openProcessRecord(recordPath);
  try {
    const keys = { accessKey: randomBytes(10).toString('hex'), secretKey: randomBytes(20).toString('hex') };
    const [postgres, s3] = await Promise.all([
      startPostgres({
        dir: join(dir, 'postgres'),
        logPath: join(dir, 'postgres.log'),
        password: randomBytes(12).toString('hex'),
        durable: true,
        record,
      }),
      startSeaweedfs({ dir: join(dir, 's3'), logPath: join(dir, 's3.log'), ...keys, record }),
    ]);
    const databaseUrl = await ensureDatabase(postgres.serverUrl, 'framekeep');
    await migrate(databaseUrl, pino({ level: 'silent' }));
    const db = createPool(databaseUrl, { max: 30, applicationName: 'bench' });
    // Filling and vacuuming take longer than anything in operation may.
    db.options.statement_timeout = 0;
    db.options.query_timeout = 0;
    const objects = createObjects({ ...keys, endpoint: s3.endpoint, bucket: 'framekeep', region: 'us-east-1' });
    await objects.ensureBucket();
    try {
      const cameras = await makeCameras(db, count);
      const perCamera = Math.floor(rows / count);
      say(`filling ${perCamera * count} rows`);
      await fillCatalogue(db, cameras, perCamera);
      await measureQueries(db, cameras, perCamera);
      say('storing objects');
      await storeObjects(objects, cameras, { from: 0, to: due });
      const compared = await storeObjects(objects, cameras, { from: due, to: due + 10 });
      const peer = await deleteRate(compared, (part) => objects.remove(part));
      await measureSweep({ db, objects }, cameras, { due, perCamera, peer });
    } finally {
      objects.close();
      await db.end();
    }
  } finally {
    await endRecorded(recordPath, 'kill');
    rmSync(dir, { recursive: true, force: true });
  }
}

function figure(name: string, value: number, unit: string, peer?: number): void {
  const against = peer === undefined ? {} : { peer: rounded(peer) };
  printFigure({ bench: 'retention', figure: name, value: rounded(value), unit, ...against });
}

/** The store's own limit: the same deletes without a catalogue, nobody looking that they are gone. */
async function deleteRate(keys: readonly string[], remove: (part: string[]) => Promise<unknown>): Promise<number> {
  const beganMs = performance.now();
  const part = Math.ceil(keys.length / shards);
  await Promise.all(Array.from({ length: shards }, (_, i) => remove(keys.slice(i * part, (i + 1) * part))));
  return (keys.length / (performance.now() - beganMs)) * 1000;
}

async function measureQueries(db: Pool, cameras: readonly BenchCamera[], perCamera: number): Promise<void> {
  const size = await db.query(
    `select sum(pg_table_size(inhrelid)) as heap, sum(pg_indexes_size(inhrelid)) as indexes
     from pg_inherits where inhparent = 'segment'::regclass`,
  );
  const { heap, indexes } = size.rows[0] as { heap: string; indexes: string };
  figure('table_bytes_per_segment', Number(heap) / (perCamera * cameras.length), 'B');
  figure('index_bytes_per_segment', Number(indexes) / (perCamera * cameras.length), 'B');

  const middleMs = firstMs + (perCamera / 2) * finalMs;
  const ids = cameras.map(({ cameraId }) => cameraId);
  const cutoffsMs = Array.from({ length: 8 }, (_, day) => firstMs + day * dayMs);
  const atMs = cutoffsMs.map((ms) => ms + 366 * dayMs);
  const month = { fromMs: middleMs - 31 * dayMs, toMs: middleMs };
  const queries: Record<string, (of: Db) => Promise<unknown>> = {
    preview_7_days: (of) =>
      dueFootage(
        of,
        cameras.map(({ internalId }) => ({ internalId, cutoffsMs })),
        atMs,
      ),
    timeline_day_all: (of) => holesOf(of, ids, { fromMs: middleMs - dayMs, toMs: middleMs, nowMs: middleMs }),
    timeline_month_one: (of) => holesOf(of, ids.slice(0, 1), { ...month, nowMs: middleMs }),
    segments_page: (of) => segmentsBetween(of, ids[0] ?? '', month.fromMs, month.toMs, { limit: 1000 }),
  };
  let scans = 0;
  for (const [name, run] of Object.entries(queries)) {
    const times: number[] = [];
    for (let i = 0; i < 7; i += 1) {
      const beganMs = performance.now();
      await run(db);
      times.push(performance.now() - beganMs);
    }
    figure(`${name}_ms`, quantile(times, 0.5), 'ms');
    const query: Db['query'] = async (text, values) => {
      const plan = await db.query(`explain ${text}`, values);
      scans += JSON.stringify(plan.rows).match(/Seq Scan on segment/g)?.length ?? 0;
      return db.query(text, values);
    };
    await run({ query });
  }
  figure('sequential_scans_of_segment', scans, 'scans');
}

async function measureSweep(
  { db, objects }: { db: Pool; objects: ReturnType<typeof createObjects> },
  cameras: readonly BenchCamera[],
  { due, perCamera, peer }: { due: number; perCamera: number; peer: number },
): Promise<void> {
  const commits = committer(db, cameras, perCamera);
  const calm = await commits.during(sleep(baselineMs));
  const atMs = firstMs + due * finalMs + 366 * dayMs;
  const deps = { db, objects, log: pino({ level: 'silent' }), now: () => atMs, maxSegmentsPerSecond: 1e9 };
  const beganMs = performance.now();
  const swept = Promise.all(
    Array.from({ length: shards }, (_, shard) =>
      sweepShard(deps, { atMs, shard, shards }, nothingSwept, () => undefined),
    ),
  );
  const busy = await commits.during(swept);
  const seconds = (performance.now() - beganMs) / 1000;
  const segments = (await swept).reduce((sum, part) => sum + part.segments, 0);
  figure('swept_segments', segments, 'segments');
  figure('sweep_segments_per_s', segments / seconds, '1/s', peer);
  figure('commit_p99_ms', quantile(busy, 0.99), 'ms', quantile(calm, 0.99));
  figure('commit_p99_ratio', quantile(busy, 0.99) / quantile(calm, 0.99), 'ratio');
}

/** Commits at a steady rate for as long as something lasts. @returns how long each took, ms */
function committer(db: Pool, cameras: readonly BenchCamera[], perCamera: number) {
  let committed = 0;
  async function commitOne(times: number[]): Promise<void> {
    const camera = cameras[committed % cameras.length];
    const place = perCamera + Math.floor(committed / cameras.length);
    committed += 1;
    if (camera === undefined) return;
    const beganMs = performance.now();
    await insertSegment(db, camera.internalId, benchSegment(camera, place));
    times.push(performance.now() - beganMs);
  }
  return {
    async during(work: Promise<unknown>): Promise<number[]> {
      const times: number[] = [];
      const running: Promise<void>[] = [];
      const timer = setInterval(() => running.push(commitOne(times)), 1000 / commitsPerSecond);
      await work;
      clearInterval(timer);
      await Promise.all(running);
      return times;
    },
  };
}

import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { migrate } from '../../db/migrate.ts';
import { createPool, type Pool } from '../../db/sql.ts';
import { createObjects, type Objects } from '../../storage/objects.ts';
import { ensureDatabase, startPostgres } from '../embedded/postgres.ts';
import { endRecorded, openProcessRecord } from '../embedded/process-record.ts';
import { startSeaweedfs } from '../embedded/seaweedfs.ts';
import { printFigure, quantile, rounded, say } from './figure.ts';
import { fillCatalogue, makeCameras, storeObjects } from './retention-catalogue.ts';
import { plansOf, sayPlans } from './retention-plans.ts';
import { hotQueries } from './retention-queries.ts';
import { createCommitter, shards, sweepAll, sweepInRounds } from './retention-sweep.ts';

/** Segments of each camera that are deleted bare, for comparison. */
const comparedPerCamera = 10;
const rounds = 5;

/** The sweep and the hot queries, with their plans, on a big catalogue: `--rows 10000000 --cameras 300 --due 250` (due: a camera). */
export async function benchRetention(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      rows: { type: 'string', default: '10000000' },
      cameras: { type: 'string', default: '300' },
      due: { type: 'string', default: '250' },
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
      await measure(
        { db, objects, logging: { databaseUrl, logPath: join(dir, 'postgres.log') } },
        { rows, count, due },
      );
    } finally {
      objects.close();
      await db.end();
    }
  } finally {
    await endRecorded(recordPath, 'kill');
    rmSync(dir, { recursive: true, force: true });
  }
}

/** A catalogue, a store, and how to have the database log what it does. */
interface Site {
  db: Pool;
  objects: Objects;
  logging: { databaseUrl: string; logPath: string };
}

async function measure(
  { db, objects, logging }: Site,
  { rows, count, due }: { rows: number; count: number; due: number },
): Promise<void> {
  const cameras = await makeCameras(db, count);
  const perCamera = Math.floor(rows / count);
  say(`filling ${perCamera * count} rows`);
  await fillCatalogue(db, cameras, perCamera);
  const queries = hotQueries(cameras, perCamera);
  await measureSizes(db, perCamera * count);
  await measureQueries(db, queries);

  say('storing objects');
  await storeObjects(objects, cameras, { from: 0, to: due });
  const compared = await storeObjects(objects, cameras, { from: due, to: due + comparedPerCamera });
  const peer = await deleteRate(compared, (part) => objects.remove(part));
  const commits = createCommitter(cameras, perCamera);
  const swept = await sweepInRounds({ db, objects }, commits, { due, rounds });
  figure('swept_segments', swept.segments, 'segments');
  figure('sweep_segments_per_s', (swept.segments / swept.ms) * 1000, '1/s', peer);
  for (const [name, share] of Object.entries({ p50: 0.5, p99: 0.99 })) {
    const [busy, calm] = [quantile(swept.busy, share), quantile(swept.calm, share)];
    figure(`commit_${name}_ms`, busy, 'ms', calm);
    figure(`commit_${name}_ratio`, busy / calm, 'ratio');
  }

  // What a quarter of an hour brings in operation: a segment or two of each camera.
  const beganMs = performance.now();
  await sweepAll({ db, objects }, due + 1);
  figure('sweep_cameras_per_s', (count / (performance.now() - beganMs)) * 1000, '1/s, one segment of each');

  const plans = await plansOf(logging.databaseUrl, logging.logPath, async (logged) => {
    for (const run of Object.values(queries)) await run(logged);
    // The objects of these are gone already; their rows are not.
    await commits.during(logged, sweepAll({ db: logged, objects }, due + comparedPerCamera));
  });
  figure('sequential_scans_of_segment', sayPlans(plans), 'scans');
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

async function measureSizes(db: Pool, segments: number): Promise<void> {
  const size = await db.query(
    `select sum(pg_table_size(inhrelid)) as heap, sum(pg_indexes_size(inhrelid)) as indexes
     from pg_inherits where inhparent = 'segment'::regclass`,
  );
  const { heap, indexes } = size.rows[0] as { heap: string; indexes: string };
  figure('table_bytes_per_segment', Number(heap) / segments, 'B');
  figure('index_bytes_per_segment', Number(indexes) / segments, 'B');
}

async function measureQueries(db: Pool, queries: ReturnType<typeof hotQueries>): Promise<void> {
  for (const [name, run] of Object.entries(queries)) {
    const times: number[] = [];
    for (let i = 0; i < 7; i += 1) {
      const beganMs = performance.now();
      await run(db);
      times.push(performance.now() - beganMs);
    }
    figure(`${name}_ms`, quantile(times, 0.5), 'ms');
  }
}

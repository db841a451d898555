import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { readConfig } from '../../config.ts';
import { insertCamera } from '../../db/cameras.ts';
import { claimsBetween } from '../../db/gaps.ts';
import { holesBetween } from '../../db/holes.ts';
import { listProfiles } from '../../db/profiles.ts';
import { createPool, type Pool } from '../../db/sql.ts';
import { defaultTenant } from '../../db/tenants.ts';
import { explainHoles, type Gap } from '../../domain/gaps.ts';
import { createLogger, type Logger } from '../../log.ts';
import { createRecorder, type Recorder, type RecorderDeps } from '../../recorder/recorder.ts';
import { cameraUrlAad, createSealer } from '../../security/seal.ts';
import { objectKey } from '../../storage/keys.ts';
import { createObjects, type Objects } from '../../storage/objects.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { testS3 } from '../support/objects.ts';

export interface Site {
  database: TestDatabase;
  objects: Objects;
  s3: Awaited<ReturnType<typeof testS3>>;
  secretKey: string;
  dir: string;
  log: Logger;
  /** Makes a camera that is wanted. @returns its id */
  addCamera(url: string, options?: { audio?: 'none' | 'aac' }): Promise<string>;
  /** What a recorder of this site is made of; each has its own spool. */
  deps(name: string, changes?: Partial<RecorderDeps> & { databaseUrl?: string; endpoint?: string }): RecorderDeps;
  start(name: string, changes?: Parameters<Site['deps']>[1]): Promise<Recorder>;
  segments(cameraId: string): Promise<Row[]>;
  gaps(cameraId: string): Promise<Gap[]>;
  state(cameraId: string): Promise<{ status: string; status_reason: string | null }>;
  /** The objects of the camera's rows, one file each, in order. */
  download(cameraId: string): Promise<string[]>;
  close(): Promise<void>;
}

export interface Row {
  startMs: number;
  endMs: number;
  durationMs: number;
  bytes: number;
  epoch: number;
  anchor: boolean;
  sha256: string;
  codecTag: string;
  audioCodec: string | null;
  key: string;
}

/** A database, a bucket and as many recorders as a test wants. */
export async function createSite(): Promise<Site> {
  const database = await createTestDatabase();
  const s3 = await testS3();
  const objects = createObjects(s3);
  await objects.ensureBucket();
  const dir = await mkdtemp(path.join(tmpdir(), 'framekeep-recorder-'));
  const secretKey = randomBytes(32).toString('hex');
  const log = createLogger({ level: process.env['FRAMEKEEP_TEST_LOG'] ?? 'silent', name: 'test' });
  const recorders: Recorder[] = [];
  const pools: Pool[] = [];
  const tenant = await defaultTenant(database.pool);

  const site: Site = {
    database,
    objects,
    s3,
    secretKey,
    dir,
    log,
    async addCamera(url, options = {}) {
      const profiles = await listProfiles(database.pool);
      const profile = profiles.find(({ audio }) => audio === (options.audio ?? 'none'));
      if (profile === undefined) throw new Error('no such profile');
      const id = randomUUID();
      await insertCamera(database.pool, {
        id,
        tenantId: tenant.id,
        name: id,
        sealedUrl: createSealer(secretKey).seal(url, cameraUrlAad(id)),
        urlRedacted: 'rtsp://camera/',
        tier: 'normal',
        profileId: profile.id,
        retentionDays: 30,
      });
      return id;
    },
    deps(name, changes = {}) {
      const { databaseUrl = database.url, endpoint = s3.endpoint, ...rest } = changes;
      const config = readConfig(environmentOf({ dir, name, databaseUrl, s3: { ...s3, endpoint }, secretKey }));
      const db = createPool(databaseUrl, { max: 10, applicationName: 'recorder-test' });
      pools.push(db);
      return {
        config,
        services: { secretKey, databaseUrl, temporalAddress: '127.0.0.1:1', s3: { ...s3, endpoint } },
        db,
        objects: createObjects({ ...s3, endpoint }),
        log: log.child({ recorder: name }),
        now: Date.now,
        backoffMs: () => 300,
        ...rest,
      };
    },
    async start(name, changes) {
      const recorder = await createRecorder(site.deps(name, changes));
      recorders.push(recorder);
      await recorder.start();
      return recorder;
    },
    async segments(cameraId) {
      const { rows } = await database.pool.query<{
        start_at: Date;
        duration_ms: number;
        bytes: string;
        epoch: number;
        anchor: boolean;
        sha256: Buffer;
        codec_tag: string;
        audio_codec: string | null;
      }>(
        `select s.*, f.codec_tag, f.audio_codec from segment s join camera c on c.id = s.camera_id
         join stream_format f on f.id = s.format_id where c.public_id = $1 order by s.start_at`,
        [cameraId],
      );
      return rows.map((row) => {
        const startMs = row.start_at.getTime();
        const sha256 = row.sha256.toString('hex');
        const { duration_ms: durationMs, epoch } = row;
        return {
          startMs,
          endMs: startMs + durationMs,
          durationMs,
          bytes: Number(row.bytes),
          epoch,
          anchor: row.anchor,
          sha256,
          codecTag: row.codec_tag,
          audioCodec: row.audio_codec,
          key: objectKey({ tenantId: tenant.id, cameraId, startMs, durationMs, epoch, variant: 0, sha256 }),
        };
      });
    },
    async gaps(cameraId) {
      const nowMs = Date.now();
      const holes = await holesBetween(database.pool, cameraId, 0, nowMs, { nowMs });
      return explainHoles(holes, await claimsBetween(database.pool, cameraId, 0, nowMs), nowMs);
    },
    async state(cameraId) {
      const { rows } = await database.pool.query<{ status: string; status_reason: string | null }>(
        `select status, status_reason from camera where public_id = $1`,
        [cameraId],
      );
      return rows[0] ?? { status: 'none', status_reason: null };
    },
    async download(cameraId) {
      const files: string[] = [];
      for (const row of await site.segments(cameraId)) {
        const file = path.join(dir, `${cameraId}-${row.startMs}.mp4`);
        await writeFile(file, await buffer(await objects.read(row.key)));
        files.push(file);
      }
      return files;
    },
    async close() {
      await Promise.all(recorders.map((recorder) => recorder.stop()));
      await Promise.all(pools.map((pool) => pool.end()));
      await database.drop();
      await rm(dir, { recursive: true, force: true });
    },
  };
  return site;
}

export function environmentOf(options: {
  dir: string;
  name: string;
  databaseUrl: string;
  s3: { endpoint: string; accessKey: string; secretKey: string; bucket: string };
  secretKey: string;
}): Record<string, string> {
  return {
    FRAMEKEEP_DATA_DIR: options.dir,
    FRAMEKEEP_SPOOL_DIR: path.join(options.dir, options.name),
    FRAMEKEEP_DATABASE_URL: options.databaseUrl,
    FRAMEKEEP_SECRET_KEY: options.secretKey,
    FRAMEKEEP_S3_ENDPOINT: options.s3.endpoint,
    FRAMEKEEP_S3_ACCESS_KEY: options.s3.accessKey,
    FRAMEKEEP_S3_SECRET_KEY: options.s3.secretKey,
    FRAMEKEEP_S3_BUCKET: options.s3.bucket,
    FRAMEKEEP_CAMERA_NETWORKS: '127.0.0.0/8',
    FRAMEKEEP_SEGMENT_SECONDS: '2',
  };
}

import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { finishWindow, type FinishDeps, type FinishResult } from '../../activities/finish-window.ts';
import { insertCamera } from '../../db/cameras.ts';
import { takeReady } from '../../db/finish-feed.ts';
import { playlistRows } from '../../db/footage.ts';
import { takeEpoch } from '../../db/leases.ts';
import { defaultProfile, insertProfile, listProfiles, type Profile } from '../../db/profiles.ts';
import { cameraForRecording } from '../../db/recorded-cameras.ts';
import type { Pool } from '../../db/sql.ts';
import { defaultTenant, insertTenant, listTenants } from '../../db/tenants.ts';
import type { Segment } from '../../domain/segment.ts';
import { createEncoders } from '../../media/encoders.ts';
import { noFailpoint } from '../../recorder/failpoint.ts';
import { objectKey } from '../../storage/keys.ts';
import type { Objects } from '../../storage/objects.ts';
import { ffmpeg } from '../media/footage.ts';
import { commitFootage, type CommitOptions, type CommittedCamera } from '../support/commit-footage.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createTestBucket } from '../support/objects.ts';

/** On the hour, so that windows begin with the footage; some hours ago, far from the age at which footage goes. */
export const t0 = Math.floor(Date.now() / 3_600_000 - 3) * 3_600_000;

export interface FinishSite {
  database: TestDatabase;
  objects: Objects;
  dir: string;
  deps: FinishDeps;
  addCamera(profile?: string, changes?: { tier?: 'critical'; tenant?: string }): Promise<SiteCamera>;
  profile(name: string, changes: Partial<Profile>): Promise<Profile>;
  /** Commits these files one after the other as a recorder would. */
  commit(camera: SiteCamera, paths: readonly string[], options: CommitOptions): Promise<Segment[]>;
  /** Feeds what is ready `afterMs` after t0 and does its jobs one after the other. */
  finishAll(afterMs?: number, changes?: Partial<FinishDeps>): Promise<FinishResult[]>;
  rows(camera: SiteCamera): Promise<Segment[]>;
  keyOf(camera: SiteCamera, segment: Segment): string;
  /** An object as a file. */
  download(camera: SiteCamera, segment: Segment): Promise<string>;
  close(): Promise<void>;
}

export type SiteCamera = CommittedCamera;

/** A database, a bucket and footage that really was recorded by ffmpeg. @param given those of a whole system */
export async function createFinishSite(given?: { database: TestDatabase; objects: Objects }): Promise<FinishSite> {
  const [database, objects, dir] = await Promise.all([
    given?.database ?? createTestDatabase(),
    given?.objects ?? createTestBucket(),
    mkdtemp(join(tmpdir(), 'framekeep-finish-')),
  ]);
  const db = database.pool;
  const tenant = await defaultTenant(db);
  const workDir = join(dir, 'work');
  await mkdir(workDir);
  const encoders = createEncoders({
    ffmpeg,
    wanted: ['x264'],
    hostFolder: join(dir, 'host'),
  });
  const deps: FinishDeps = {
    db,
    objects,
    now: Date.now,
    encode: (job) => encoders.encode(job),
    failpoint: noFailpoint,
    signal: new AbortController().signal,
    onProgress: () => undefined,
    spoolDir: null,
    workDir,
  };
  const keyOf = (camera: SiteCamera, segment: Segment): string =>
    objectKey({ tenantId: camera.tenantId, cameraId: camera.id, ...segment });

  return {
    database,
    objects,
    dir,
    deps,
    keyOf,
    async addCamera(profileName, changes = {}) {
      const profiles = await listProfiles(db);
      const profile = profiles.find(({ name }) => name === profileName) ?? (await defaultProfile(db));
      const id = randomUUID();
      const { tier = 'normal', tenant: tenantName } = changes;
      const tenantId = tenantName === undefined ? tenant.id : await tenantNamed(db, tenantName);
      await insertCamera(db, {
        id,
        tenantId,
        name: id,
        sealedUrl: 'v1.sealed',
        urlRedacted: 'rtsp://192.0.2.1/',
        tier,
        profileId: profile.id,
        retentionDays: 30,
      });
      const internalId = (await cameraForRecording(db, id))?.internalId ?? 0;
      await db.query(`update camera set created_at = $2 where id = $1`, [internalId, new Date(t0)]);
      await db.query(`update camera_lease set last_end_at = $2 where camera_id = $1`, [internalId, new Date(t0)]);
      await takeEpoch(db, id, { hostId: randomUUID(), sessionId: null });
      return { id, internalId, tenantId };
    },
    profile: (name, changes) =>
      insertProfile(db, {
        name,
        mode: 'auto',
        height: null,
        fps: null,
        bitrateKbps: null,
        audio: 'none',
        durable: 'source',
        hevc: false,
        canWait: false,
        waitHours: 24,
        ...changes,
      }),
    commit: (camera, paths, options) => commitFootage({ db, objects }, camera, paths, options),
    async finishAll(afterMs = 3_600_000, changes = {}) {
      const results: FinishResult[] = [];
      for (const queue of ['join', 'encode'] as const) {
        const fed = await takeReady(db, { queue, nowMs: t0 + afterMs, cheap: true, limit: 100 });
        for (const window of fed) results.push(await finishWindow({ ...deps, ...changes }, { ...window, queue }));
      }
      return results;
    },
    rows: (camera) => playlistRows(db, camera.id, t0 - 3_600_000, t0 + 86_400_000),
    async download(camera, segment) {
      const path = join(dir, `${segment.sha256}.mp4`);
      await writeFile(path, await buffer(await objects.read(keyOf(camera, segment))));
      return path;
    },
    async close() {
      objects.close();
      if (given === undefined) await database.drop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function tenantNamed(db: Pool, name: string): Promise<string> {
  const found = (await listTenants(db, { limit: 100 })).find((tenant) => tenant.name === name);
  return (found ?? (await insertTenant(db, name))).id;
}

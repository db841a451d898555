import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { beginReconcile, finishPass, judgeReconcile, type ReconcileDeps } from '../../activities/reconcile.ts';
import { lookForForeign } from '../../activities/reconcile-foreign.ts';
import { lookAtShard } from '../../activities/reconcile-look.ts';
import { readStoredSegment } from '../../activities/stored-segment.ts';
import { claimsBetween } from '../../db/gaps.ts';
import { placeHold } from '../../db/holds.ts';
import { listFindings } from '../../db/reconcile-findings.ts';
import { requestPass } from '../../db/reconcile-passes.ts';
import { commitSlow } from '../../db/segments.ts';
import { many, transaction } from '../../db/sql.ts';
import { dayMs } from '../../domain/retention.ts';
import type { Segment } from '../../domain/segment.ts';
import { createLogger } from '../../log.ts';
import { hashFile } from '../../recorder/commit.ts';
import { objectKey, parseObjectKey } from '../../storage/keys.ts';
import { createObjects, type Objects, type ObjectsOptions } from '../../storage/objects.ts';
import { makeCamera } from '../db/fixtures.ts';
import { recordMade } from '../media/footage.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { testS3 } from '../support/objects.ts';
import { keysOf, type FootageOwner } from '../support/stored-footage.ts';

/** All that was stored is old enough for reconcile: its clocks are three hours ahead of the store's. */
export const nowMs = Date.now() + 3 * 3_600_000;
/** Where the footage of each camera begins, well within its retention. */
export const t0 = Math.floor((nowMs - 10 * dayMs) / dayMs) * dayMs;
/** Between segments of the same bytes: nearer they would count as one. */
export const slotMs = 3_600_000;

export interface ReconcileSite {
  database: TestDatabase;
  objects: Objects;
  s3: ObjectsOptions;
  dir: string;
  /** Files of 4 s of footage that ffmpeg really recorded, one after the other. */
  files: string[];
  deps: ReconcileDeps;
  addCamera(createdAtMs?: number): Promise<FootageOwner>;
  /** Stores footage of a camera without a row. */
  store(camera: FootageOwner, startMs: number, file?: number): Promise<{ key: string; segment: Segment }>;
  /** Stores it with its row. */
  record(camera: FootageOwner, startMs: number, file?: number): Promise<{ key: string; segment: Segment }>;
  /** Holds a range of its footage until the hold is released. */
  hold(camera: FootageOwner, startMs: number, endMs: number): Promise<void>;
  /** Does what the workflow does. @returns whether it acted; null: it was not begun */
  pass(changes?: Partial<ReconcileDeps>, how?: { dryRun: boolean }): Promise<boolean | null>;
  /** Keys that the camera's live rows name. */
  rows(camera: FootageOwner): Promise<string[]>;
  keys(camera: FootageOwner): Promise<string[]>;
  /** Of a camera, as `<slots after t0> <kind> <state> <why>`. */
  findings(camera: FootageOwner): Promise<string[]>;
  missing(camera: FootageOwner): Promise<[startMs: number, endMs: number | null][]>;
  /** Forgets all footage and findings, so that the next test's passes see only what is its own. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

/** @param recorded its files, where another site has them already */
export async function createReconcileSite(recorded?: string[]): Promise<ReconcileSite> {
  const [database, s3, dir] = await Promise.all([
    createTestDatabase(),
    testS3(),
    mkdtemp(join(tmpdir(), 'framekeep-reconcile-')),
  ]);
  const objects = createObjects(s3);
  await objects.ensureBucket();
  const db = database.pool;
  const files = recorded ?? (await recordMade(dir, 'main', { seconds: 12, fps: 10, gop: 10, size: '64x36' }));
  const deps: ReconcileDeps = {
    db,
    objects,
    log: createLogger({ level: 'silent', name: 'test' }),
    now: () => nowMs,
    databaseNow: () => Promise.resolve(nowMs),
    storeNow: () => Promise.resolve(nowMs),
    workDir: dir,
    windowMs: 600_000,
    quarantineMs: 7 * dayMs,
    maxPercent: 1,
    maxKeysPerSecond: 1e9,
  };
  let runs = 0;

  async function store(camera: FootageOwner, startMs: number, file = 0): Promise<{ key: string; segment: Segment }> {
    const path = files[file] ?? '';
    const hashed = await hashFile(path);
    const name = { tenantId: camera.tenantId, cameraId: camera.id, startMs, durationMs: 4000, epoch: 1, variant: 0 };
    const key = objectKey({ ...name, ...hashed });
    const read = await readStoredSegment({ ...name, ...hashed }, { path, ...hashed }, null);
    if (typeof read === 'string') throw new Error(read);
    await objects.put(key, path, hashed.bytes, hashed.sha256);
    return { key, segment: read.segment };
  }

  return {
    database,
    objects,
    s3,
    dir,
    files,
    deps,
    addCamera: (createdAtMs = t0) => makeCamera(db, { createdAtMs }),
    store,
    async record(camera, startMs, file) {
      const stored = await store(camera, startMs, file);
      const how = await transaction(db, (tx) => commitSlow(tx, camera.internalId, stored.segment));
      if (how !== 'committed') throw new Error(`not committed: ${JSON.stringify(how)}`);
      return stored;
    },
    async hold({ id: cameraId }, startMs, endMs) {
      const placed = { reason: 'case 7', untilMs: null, placedBy: 'account:admin', placedAtMs: t0 };
      await transaction(db, (tx) => placeHold(tx, { cameraId, startMs, endMs, ...placed }));
    },
    async pass(changes = {}, how = { dryRun: false }) {
      const storeNow = async (): Promise<number> => (changes.now ?? deps.now)();
      const used = { ...deps, storeNow, ...changes };
      if (how.dryRun) await requestPass(db, { by: 'account:admin', dryRun: true, nowMs });
      runs += 1;
      const pass = await beginReconcile(used, { scheduled: !how.dryRun, runId: `run ${runs}` });
      if (pass === null) return null;
      try {
        const compared = { rows: 0, objects: await lookForForeign(used, pass, () => undefined) };
        for (let shard = 0; shard < pass.shards; shard += 1) {
          const part = await lookAtShard(used, { ...pass, shard }, { from: null, beat: () => undefined });
          compared.rows += part.rows;
          compared.objects += part.objects;
        }
        if ((await judgeReconcile(used, pass, compared)) === null) return false;
        await finishPass(used, pass, compared, { afterId: 0, beat: () => undefined });
        return true;
      } catch (error) {
        await db.query(`update reconcile_pass set state = 'abandoned' where id = $1`, [pass.passId]);
        throw error;
      }
    },
    async rows(camera) {
      const found = await many(
        db,
        z.object({ start_at: z.date(), duration_ms: z.number(), epoch: z.number(), sha256: z.instanceof(Buffer) }),
        `select start_at, duration_ms, epoch, sha256 from segment where camera_id = $1 and state = 0 order by start_at`,
        [camera.internalId],
      );
      return found.map((row) =>
        objectKey({
          tenantId: camera.tenantId,
          cameraId: camera.id,
          startMs: row.start_at.getTime(),
          durationMs: row.duration_ms,
          epoch: row.epoch,
          variant: 0,
          sha256: row.sha256.toString('hex'),
        }),
      );
    },
    keys: (camera) => keysOf(objects, camera),
    async findings(camera) {
      const found = await listFindings(db, { cameraId: camera.id, limit: 100 });
      return found.map(({ kind, state, why, held, key }) => {
        const slot = ((parseObjectKey(key)?.startMs ?? 0) - t0) / slotMs;
        return `${slot} ${kind} ${state} ${why}${held ? ' held' : ''}`;
      });
    },
    async missing(camera) {
      const claims = await claimsBetween(db, camera.id, t0 - 100 * dayMs, nowMs);
      return claims.filter(({ reason }) => reason === 'missing').map(({ startMs, endMs }) => [startMs, endMs]);
    },
    async clear() {
      await db.query(`delete from reconcile_finding`);
      await db.query(`delete from segment`);
      for await (const { key } of objects.list('')) await objects.remove([key]);
    },
    async close() {
      objects.close();
      await database.drop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

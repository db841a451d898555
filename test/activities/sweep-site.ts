import { expect } from 'vitest';
import { z } from 'zod';
import type { SweepRetentionDeps } from '../../activities/sweep-retention.ts';
import { many } from '../../db/sql.ts';
import { dayMs } from '../../domain/retention.ts';
import { createLogger } from '../../log.ts';
import type { Objects } from '../../storage/objects.ts';
import { makeCamera } from '../db/fixtures.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createTestBucket } from '../support/objects.ts';
import { keysOf, storeFootage, type FootageOwner } from '../support/stored-footage.ts';

/** Where the footage of each camera begins, and when its age is that of its retention. */
export const t0 = Date.UTC(2026, 0, 1);
export const dueMs = t0 + 30 * dayMs;

export interface SweepSite {
  database: TestDatabase;
  objects: Objects;
  /** All clocks say this, unless `changes` say otherwise. */
  depsAt(nowMs: number, changes?: Partial<SweepRetentionDeps>): SweepRetentionDeps;
  /** Minutes of footage from t0 on. */
  cameraWith(minutes: number): Promise<FootageOwner>;
  /** The minutes that are left of a camera, in the catalogue; the bucket must say the same. */
  minutesOf(camera: FootageOwner): Promise<number[]>;
  /** The next test's sweeps see neither these cameras nor these sweeps. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

export async function createSweepSite(): Promise<SweepSite> {
  const [database, objects] = await Promise.all([createTestDatabase(), createTestBucket()]);
  const db = database.pool;
  return {
    database,
    objects,
    depsAt: (nowMs, changes = {}) => ({
      db,
      objects,
      log: createLogger({ level: 'silent', name: 'test' }),
      now: () => nowMs,
      databaseNow: () => Promise.resolve(nowMs),
      storeNow: () => Promise.resolve(nowMs),
      maxSegmentsPerSecond: 1e9,
      ...changes,
    }),
    async cameraWith(minutes) {
      const camera = await makeCamera(db, { createdAtMs: t0 });
      for (let i = 0; i < minutes; i += 1) {
        await storeFootage({ db, objects }, camera, { startMs: t0 + i * 60_000 });
      }
      return camera;
    },
    async minutesOf(camera) {
      const rows = await many(
        db,
        z.object({ start_at: z.date() }).transform((row) => (row.start_at.getTime() - t0) / 60_000),
        `select start_at from segment where camera_id = $1 order by start_at`,
        [camera.internalId],
      );
      expect(await keysOf(objects, camera)).toHaveLength(rows.length);
      return rows;
    },
    async clear() {
      await db.query(`update camera set status = 'purged'`);
      await db.query(`delete from retention_sweep`);
      await db.query(`insert into retention_sweep default values`);
    },
    async close() {
      objects.close();
      await database.drop();
    },
  };
}

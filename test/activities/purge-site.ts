import { randomBytes } from 'node:crypto';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createPurgeActivities, type PurgeActivities, type PurgeDeps } from '../../activities/purge.ts';
import { changeIntent } from '../../db/camera-changes.ts';
import { listCertificates, type StoredCertificate } from '../../db/certificates.ts';
import { waitingPurges } from '../../db/deletion-health.ts';
import { transaction, type Db, type Pool } from '../../db/sql.ts';
import { dayMs } from '../../domain/retention.ts';
import { createLogger } from '../../log.ts';
import { createSealer } from '../../security/seal.ts';
import type { Objects } from '../../storage/objects.ts';
import { clocksAt, makeCamera } from '../db/fixtures.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createTestBucket } from '../support/objects.ts';
import { storeFootage } from '../support/stored-footage.ts';

/** Where the footage of each camera begins. */
export const t0 = Date.UTC(2026, 0, 1);
/** When each camera's grace is over, and what the clocks say. */
export const dueMs = t0 + 100 * dayMs;

const sealer = createSealer(randomBytes(32).toString('hex'));

export interface PurgeSite {
  database: TestDatabase;
  objects: Objects;
  close(): Promise<void>;
}

/** A catalogue and a bucket. */
export async function createPurgeSite(): Promise<PurgeSite> {
  const [database, objects] = await Promise.all([createTestDatabase(), createTestBucket()]);
  return {
    database,
    objects,
    async close() {
      objects.close();
      await database.drop();
    },
  };
}

export function purgeDeps(db: Pool, objects: Objects, more: Partial<PurgeDeps> = {}): PurgeDeps {
  const log = createLogger({ level: 'silent', name: 'test' });
  const { databaseNow = async () => dueMs } = more;
  const clocks = { now: () => dueMs, databaseNow, storeNow: () => databaseNow(db) };
  return { db, objects, sealer, log, ...clocks, ...more };
}

export function activitiesOf(db: Pool, objects: Objects, more: Partial<PurgeDeps> = {}): PurgeActivities {
  const activities = createPurgeActivities(purgeDeps(db, objects, more));
  const inActivity =
    <Result>(work: (cameraId: string) => Promise<Result>) =>
    (cameraId: string): Promise<Result> =>
      new MockActivityEnvironment().run(work, cameraId);
  return {
    startPurge: inActivity((id) => activities.startPurge(id)),
    deletePurgedFootage: inActivity((id) => activities.deletePurgedFootage(id)),
    finishPurge: inActivity((id) => activities.finishPurge(id)),
  };
}

/** A camera with minutes of footage whose grace is over. */
export async function retiredCamera(db: Pool, objects: Objects, segments: number) {
  const camera = await makeCamera(db, { createdAtMs: t0 });
  for (let i = 0; i < segments; i += 1) {
    await storeFootage({ db, objects }, camera, { startMs: t0 + i * 60_000 });
  }
  const times = { clocks: clocksAt(t0 + 10 * dayMs), graceMs: 90 * dayMs };
  await transaction(db, (tx) => changeIntent(tx, camera.id, 'retire', times));
  return camera;
}

/** What the status says of the purge; empty when it says nothing. */
export async function waitOf(db: Db, cameraId: string): Promise<object> {
  const waits = await waitingPurges(db, dueMs, 1000);
  return waits.find((wait) => wait.cameraId === cameraId) ?? {};
}

/** One round of what the workflow does. */
export async function purge(activities: PurgeActivities, cameraId: string) {
  const started = await activities.startPurge(cameraId);
  if (started.kind !== 'done') return started;
  await activities.deletePurgedFootage(cameraId);
  return activities.finishPurge(cameraId);
}

/** The one certificate of a camera. */
export async function certificateOf(db: Db, cameraId: string): Promise<StoredCertificate> {
  const [certificate, ...more] = await listCertificates(db, { cameraId, limit: 10 });
  if (certificate === undefined || more.length > 0) throw new Error(`${more.length + 1} certificates, or none`);
  return certificate;
}

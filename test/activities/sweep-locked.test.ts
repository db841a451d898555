import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { MockActivityEnvironment } from '@temporalio/testing';
import { RETENTION_MODES } from 'minio';
import { afterAll, beforeAll, test } from 'vitest';
import { createCertifyRetentionActivities } from '../../activities/certify-retention.ts';
import { listCertificates } from '../../db/certificates.ts';
import { dayMs } from '../../domain/retention.ts';
import { createLogger } from '../../log.ts';
import { createSealer } from '../../security/seal.ts';
import { makeCamera } from '../db/fixtures.ts';
import { bucketOn, stores } from '../storage/buckets.ts';
import { startMinio, type Minio } from '../storage/minio.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { keysOf, storeFootage } from '../support/stored-footage.ts';
import { sweep, sweptAnHourBefore } from './whole-sweep.ts';

const t0 = Date.UTC(2026, 0, 1);
const dueMs = t0 + 31 * dayMs;
const sealer = createSealer(randomBytes(32).toString('hex'));

let minio: Minio | null = null;
beforeAll(async () => {
  minio = await startMinio();
});
afterAll(() => minio?.stop());

// At the same time, since most of it is waiting for the end of a lock.
test.concurrent.for(stores)(
  'rows and ledger stay while objects of %s are locked, and go with a certificate afterwards',
  { timeout: 120_000 },
  async (store, { skip, expect }) => {
    skip(store === 'minio' && minio === null, 'there is no MinIO here');
    const database = await createTestDatabase();
    const { objects, client, bucket } = await bucketOn(store, 'locked', minio);
    const camera = await makeCamera(database.pool, { createdAtMs: t0 });
    const footage = [];
    for (const startMs of [t0, t0 + 60_000, t0 + 120_000]) {
      footage.push(await storeFootage({ db: database.pool, objects }, camera, { startMs }));
    }
    // By the store's own clock. A sweep takes some 100 ms, on a busy machine seconds; nobody can shorten the second one.
    const lockedUntilMs = Date.now() + 15_000;
    const locks = { retainUntilDate: new Date(lockedUntilMs).toISOString(), versionId: '' };
    const locked = [];
    for (const [i, mode] of [RETENTION_MODES.GOVERNANCE, RETENTION_MODES.COMPLIANCE].entries()) {
      const key = footage[i]?.key ?? '';
      await client.putObjectRetention(bucket, key, { ...locks, mode });
      locked.push(key);
    }
    const warned: unknown[] = [];
    const log = createLogger({ level: 'silent', name: 'test' });
    log.warn = (fields: unknown) => warned.push(fields);
    const clock = async () => dueMs;
    const clocks = { now: () => dueMs, databaseNow: clock, storeNow: clock };
    const sweepNow = () => sweep({ db: database.pool, objects, log, ...clocks });
    await sweptAnHourBefore(database.pool, dueMs);
    expect(await sweepNow()).toMatchObject({ segments: 1, refused: 2 });
    expect(new Set(await keysOf(objects, camera))).toEqual(new Set(locked));
    const refusal = expect.stringMatching(/WORM|AccessDenied|InvalidRequest/);
    expect(warned).toMatchObject(locked.map((key) => ({ key, cause: refusal })));
    expect(await countOf(database, camera.internalId)).toEqual({ marked: 2, noted: 1 });

    await sleep(Math.max(0, lockedUntilMs + 1_000 - Date.now()));
    expect(await sweepNow()).toMatchObject({ segments: 2, refused: 0 });
    expect(await keysOf(objects, camera)).toEqual([]);
    expect(await countOf(database, camera.internalId)).toEqual({ marked: 0, noted: 3 });
    const laterMs = dueMs + 40 * dayMs;
    await sweptAnHourBefore(database.pool, laterMs);
    const later = { now: () => laterMs, databaseNow: async () => laterMs, storeNow: async () => laterMs };
    const deps = { db: database.pool, objects, sealer, log, ...later };
    await new MockActivityEnvironment().run(() => createCertifyRetentionActivities(deps).certifyRetention());
    const [certificate] = await listCertificates(database.pool, { cameraId: camera.id, limit: 2 });
    expect(JSON.parse(certificate?.document ?? '{}')).toMatchObject({
      document: { footage: { segments: 3 }, storage: { objectLock: true } },
    });
    objects.close();
    await database.drop();
  },
);

/** What of a camera waits for its deletion, and what was deleted and is in no certificate yet. */
async function countOf(database: TestDatabase, internalId: number): Promise<unknown> {
  const { rows } = await database.pool.query<Record<string, number>>(
    `select (select count(*)::int from segment where camera_id = $1 and state = 1) as marked,
       (select count(*)::int from deleted_segment where camera_id = $1) as noted`,
    [internalId],
  );
  return rows[0];
}

import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCertifyRetentionActivities } from '../../activities/certify-retention.ts';
import { deleteMarkedFootage } from '../../activities/delete-footage.ts';
import { certifiedLines, listCertificates } from '../../db/certificates.ts';
import { createLogger } from '../../log.ts';
import { digestOf, problemsOf } from '../../security/certificates.ts';
import { createSealer } from '../../security/seal.ts';
import type { Objects } from '../../storage/objects.ts';
import { makeCamera } from '../db/fixtures.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createTestBucket } from '../support/objects.ts';
import { footageOf, storeFootage } from './stored-footage.ts';

const [october, november, december] = [Date.UTC(2026, 9, 1), Date.UTC(2026, 10, 1), Date.UTC(2026, 11, 1)];
const hourMs = 3_600_000;
let database: TestDatabase;
let objects: Objects;
beforeAll(async () => {
  [database, objects] = await Promise.all([createTestDatabase(), createTestBucket()]);
});
afterAll(async () => {
  objects.close();
  await database.drop();
});

/** @param databaseMs what the database's clock says, where that is something else */
async function certify(nowMs: number, databaseMs = nowMs): Promise<{ issued: number; kept: number }> {
  const log = createLogger({ level: 'silent', name: 'test' });
  const sealer = createSealer(secret);
  const deps = { db: database.pool, objects, sealer, log, now: () => nowMs, databaseNow: async () => databaseMs };
  return new MockActivityEnvironment().run(() => createCertifyRetentionActivities(deps).certifyRetention());
}
const secret = randomBytes(32).toString('hex');

test('a month is certified once it is over, and not while an object of it is back', async () => {
  const camera = await makeCamera(database.pool, { createdAtMs: october });
  for (let i = 0; i < 4; i += 1) {
    await storeFootage({ db: database.pool, objects }, camera, { startMs: october + i * 60_000 });
  }
  const swept = async (count: number, atMs: number): Promise<void> => {
    await database.pool.query(
      `update segment set state = 1 from (select start_at from segment where camera_id = $1 order by start_at limit $2) d
       where camera_id = $1 and segment.start_at = d.start_at`,
      [camera.internalId, count],
    );
    const deps = { db: database.pool, objects, now: () => atMs };
    await deleteMarkedFootage(deps, { ...camera, cameraId: camera.id }, { cause: 'retention' });
  };
  await swept(2, november - 1);
  await swept(1, november);
  // Both clocks say that the month has been over for an hour, or nothing is certified.
  const over = november + hourMs;
  for (const [here, there] of [
    [over - 1, over - 1],
    [over - 1, december],
    [december, over - 1],
  ] as const) {
    expect(await certify(here, there)).toEqual({ issued: 0, kept: 0 });
  }

  const { key, body, segment } = footageOf(camera, { startMs: october });
  await objects.put(key, Readable.from([body]), body.length, segment.sha256);
  expect(await certify(over)).toEqual({ issued: 0, kept: 1 });
  await objects.remove([key]);
  expect(await certify(over)).toEqual({ issued: 1, kept: 0 });
  expect(await certify(over)).toEqual({ issued: 0, kept: 0 });
  expect(await certify(december + hourMs)).toEqual({ issued: 1, kept: 0 });

  const certificates = await listCertificates(database.pool, { cameraId: camera.id, limit: 10 });
  expect(certificates.map(({ month }) => month)).toEqual(['2026-10', '2026-11']);
  for (const [place, { id, document }] of certificates.entries()) {
    const signed: unknown = JSON.parse(document);
    const lines = (await certifiedLines(database.pool, id)) ?? '';
    expect(problemsOf(signed)).toEqual([]);
    expect(signed).toMatchObject({
      document: { kind: 'retention', footage: { segments: place === 0 ? 2 : 1 }, digest: { value: digestOf(lines) } },
    });
  }
});

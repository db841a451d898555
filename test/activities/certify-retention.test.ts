import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCertifyRetentionActivities } from '../../activities/certify-retention.ts';
import { deleteMarkedFootage } from '../../activities/delete-footage.ts';
import { certifiedLines, clearLedger, ledgerOf, listCertificates } from '../../db/certificates.ts';
import { commitSlow } from '../../db/segments.ts';
import { transaction } from '../../db/sql.ts';
import { createLogger } from '../../log.ts';
import { noFailpoint, type Failpoint } from '../../recorder/failpoint.ts';
import { digestOf, problemsOf } from '../../security/certificates.ts';
import { createSealer } from '../../security/seal.ts';
import type { Objects } from '../../storage/objects.ts';
import { makeCamera } from '../db/fixtures.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createTestBucket } from '../support/objects.ts';
import { footageOf, storeFootage } from '../support/stored-footage.ts';
import { sweptAnHourBefore } from './whole-sweep.ts';

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

const secret = randomBytes(32).toString('hex');

/** @param changes.databaseMs what the database's clock says, where that is something else; the same of the store's */
async function certify(
  nowMs: number,
  {
    databaseMs = nowMs,
    storeMs = nowMs,
    store = objects,
    failpoint = noFailpoint,
  }: { databaseMs?: number; storeMs?: number; store?: Objects; failpoint?: Failpoint } = {},
): Promise<{ issued: number; kept: number }> {
  const log = createLogger({ level: 'silent', name: 'test' });
  const sealer = createSealer(secret);
  const clocks = { now: () => nowMs, databaseNow: async () => databaseMs, storeNow: async () => storeMs };
  const deps = { db: database.pool, objects: store, sealer, log, ...clocks, pageSize: 1, failpoint };
  return new MockActivityEnvironment().run(() => createCertifyRetentionActivities(deps).certifyRetention());
}

type TestCamera = Awaited<ReturnType<typeof makeCamera>>;

/** Minutes of footage, not due yet. */
async function cameraWith(minutes: number): Promise<TestCamera> {
  const camera = await makeCamera(database.pool, { createdAtMs: october });
  for (let i = 0; i < minutes; i += 1) {
    await storeFootage({ db: database.pool, objects }, camera, { startMs: october + i * 60_000 });
  }
  return camera;
}

/** Deletes a camera's oldest minutes when the database's clock says this. */
async function swept(camera: TestCamera, count: number, atMs: number): Promise<void> {
  await database.pool.query(
    `update segment set state = 1 from (select start_at from segment where camera_id = $1 order by start_at limit $2) d
     where camera_id = $1 and segment.start_at = d.start_at`,
    [camera.internalId, count],
  );
  const deps = { db: database.pool, objects, databaseNow: async () => atMs };
  await deleteMarkedFootage(deps, { ...camera, cameraId: camera.id }, { cause: 'retention' });
}

/** Month and count of each certificate, month by month: those of one run may bear the same time. */
async function certified(camera: TestCamera): Promise<unknown[]> {
  const certificates = await listCertificates(database.pool, { cameraId: camera.id, limit: 10 });
  const byMonth = certificates.toSorted((a, b) => (a.month ?? '').localeCompare(b.month ?? ''));
  return byMonth.map(({ month, document }) => {
    const signed = JSON.parse(document) as { document: { footage: { segments: number } } };
    return [month, signed.document.footage.segments];
  });
}

test('a month is certified once it is over, and not while an object of it is back', async () => {
  const camera = await cameraWith(4);
  await swept(camera, 2, november - 1);
  await swept(camera, 1, november);
  // Both clocks say that the month has been over for an hour, or nothing is certified.
  const over = november + hourMs;
  for (const [here, databaseMs, storeMs] of [
    [over - 1, over - 1, over - 1],
    [over - 1, december, december],
    [december, over - 1, december],
    [december, december, over - 1],
  ] as const) {
    expect(await certify(here, { databaseMs, storeMs })).toEqual({ issued: 0, kept: 0 });
  }
  // All wrong together: the last sweep is a month ago.
  await sweptAnHourBefore(database.pool, november);
  expect(await certify(december)).toEqual({ issued: 0, kept: 0 });
  await database.pool.query(`update retention_sweep set looked_at = null, swept_at = null`);

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

test('a month that fails or waits holds up no other one, and the failure is told at the end', async () => {
  const cameras = [await cameraWith(2), await cameraWith(2), await cameraWith(2)] as const;
  const [failing, waiting, fine] = cameras;
  for (const camera of cameras) {
    await swept(camera, 1, october + hourMs);
    await swept(camera, 1, november + hourMs);
  }
  const { key, body, segment } = footageOf(waiting, { startMs: october });
  await objects.put(key, Readable.from([body]), body.length, segment.sha256);
  const store: Objects = {
    ...objects,
    traces: (prefix) => {
      if (prefix.includes(failing.id)) throw new Error('the store is away');
      return objects.traces(prefix);
    },
  };
  const told = certify(december + hourMs, { store });
  await expect(told).rejects.toThrow(`2 of the certificates failed, the first: ${failing.id} 2026-10`);
  const both = [
    ['2026-10', 1],
    ['2026-11', 1],
  ];
  expect(await certified(fine)).toEqual(both);
  expect(await certified(waiting)).toEqual(both.slice(1));
  expect(await certified(failing)).toEqual([]);
  expect(await certify(december + hourMs)).toEqual({ issued: 2, kept: 1 });
  expect(await certified(failing)).toEqual(both);
  await objects.remove([key]);
  expect(await certify(december + hourMs)).toEqual({ issued: 1, kept: 0 });
});

test('what comes into the ledger after the look at the store waits for a look of its own', async () => {
  const camera = await cameraWith(2);
  await swept(camera, 1, october + hourMs);
  const store: Objects = {
    ...objects,
    versioning: async () => {
      await swept(camera, 1, october + 2 * hourMs);
      return objects.versioning();
    },
  };
  expect(await certify(november + hourMs, { store })).toEqual({ issued: 0, kept: 1 });
  expect(await certify(november + hourMs)).toEqual({ issued: 1, kept: 0 });
  expect(await certified(camera)).toEqual([['2026-10', 2]]);
});

test('a run that fails after it took the ledger loses none of it, and two at once issue it once', async () => {
  const camera = await cameraWith(3);
  await swept(camera, 3, october + hourMs);
  const failpoint: Failpoint = (place) => {
    if (place === 'signed') throw new Error('the database is away');
  };
  await expect(certify(november + hourMs, { failpoint })).rejects.toThrow('the database is away');
  expect(await certified(camera)).toEqual([]);
  const runs = await Promise.all([certify(november + hourMs), certify(november + hourMs)]);
  expect(runs.reduce((sum, { issued }) => sum + issued, 0)).toBe(1);
  expect(await certified(camera)).toEqual([['2026-10', 3]]);
});

test('a ledger into which something came since it was read is not cleared', async () => {
  const camera = await cameraWith(2);
  await swept(camera, 2, october + hourMs);
  const part = { cause: 'retention', fromMs: october, untilMs: november } as const;
  const cleared = transaction(database.pool, (tx) => clearLedger(tx, camera.internalId, { ...part, rows: 1 }));
  await expect(cleared).rejects.toThrow('1 rows, then 2');
  expect(await ledgerOf(database.pool, camera.internalId, part)).toHaveLength(2);
  expect(await certify(november + hourMs)).toEqual({ issued: 1, kept: 0 });
});

test('a month waits for other copies of its minutes that no row names, and for no other objects', async () => {
  const camera = await cameraWith(6);
  const put = async (startMs: number, durationMs: number) => {
    const { key, body, segment } = footageOf(camera, { startMs, durationMs, epoch: 9 });
    await objects.put(key, Readable.from([body]), body.length, segment.sha256);
    return { key, segment };
  };
  const minute = (n: number): number => october + n * 60_000;
  // The first, second and fourth minute are deleted; what reaches into the third is no copy of deleted footage only.
  await swept(camera, 2, november - 2);
  await database.pool.query(`update segment set state = 1 where camera_id = $1 and start_at = $2`, [
    camera.internalId,
    new Date(minute(3)),
  ]);
  await swept(camera, 0, november - 1);
  await put(minute(1) + 30_000, 60_000);
  await put(minute(2) + 1, 1_000);
  const { segment } = await put(minute(0) + 1, 20_000); // kept since: a row names it
  expect(await transaction(database.pool, (tx) => commitSlow(tx, camera.internalId, segment))).toBe('committed');
  const replaced = await put(minute(0) + 30_000, 60_000);
  const inLast = await put(minute(3) + 1, 59_999);
  const over = november + hourMs;
  expect(await certify(over)).toEqual({ issued: 0, kept: 1 });
  await objects.remove([replaced.key]);
  expect(await certify(over)).toEqual({ issued: 0, kept: 1 });
  await objects.remove([inLast.key]);
  expect(await certify(over)).toEqual({ issued: 1, kept: 0 });
  expect(await certified(camera)).toEqual([['2026-10', 3]]);
});

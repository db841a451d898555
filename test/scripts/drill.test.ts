import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { enqueue } from '../../db/object-gc.ts';
import { many } from '../../db/sql.ts';
import { compareCatalogues } from '../../scripts/drill/compare.ts';
import { rebuildCatalogue } from '../../scripts/drill/rebuild.ts';
import { runDrill } from '../../scripts/drill/run.ts';
import { z } from 'zod';
import { createFinishSite, t0 as windowMs0 } from '../activities/finish-site.ts';
import { createReconcileSite, nowMs, t0, type ReconcileSite } from '../activities/reconcile-site.ts';
import { recordMade } from '../media/footage.ts';
import { createTestDatabase } from '../support/database.ts';

const hourMs = 3_600_000;
let site: ReconcileSite;
beforeAll(async () => {
  site = await createReconcileSite();
});
afterAll(() => site.close());

const drill = () =>
  runDrill(
    { databaseUrl: site.database.url, s3: site.s3 },
    { cameraId: undefined, keep: false, onCamera: () => undefined },
  );

const drillDatabases = (): Promise<string[]> =>
  many(
    site.database.pool,
    z.object({ datname: z.string() }).transform(({ datname }) => datname),
    `select datname from pg_database where datname like 'framekeep_drill_%'`,
  );

test('a catalogue that agrees with its bucket is rebuilt row by row, and the database goes afterwards', async () => {
  const camera = await site.addCamera();
  // One run of a recorder: three files that go on, then a new start.
  for (let i = 0; i < 3; i += 1) await site.record(camera, t0 + i * 4000, i);
  await site.record(camera, t0 + 2 * hourMs);
  const waiting = await site.store(camera, t0 + 4 * hourMs);
  await enqueue(site.database.pool, [waiting.key], 'finished', nowMs);
  const report = await drill();
  expect(report).toMatchObject({ good: true, objects: 5, rows: 5, foreign: 0, databaseUrl: null });
  expect(report.difference).toMatchObject({ live: 4, explained: { 'extra: it waits for its deletion': 1 } });
  expect(report.difference.same + report.difference.equivalent).toBe(4);
  expect(await drillDatabases()).toEqual([]);
});

test('what a restore would miss, get wrong or bring back is told, and ends the command with 1', async () => {
  const camera = await site.addCamera();
  await site.record(camera, t0);
  const lost = await site.record(camera, t0 + 2 * hourMs);
  await site.objects.remove([lost.key]);
  const spoilt = await site.record(camera, t0 + 4 * hourMs);
  const bytes = await readFile(site.files[0] ?? '');
  bytes[bytes.length - 300] = (bytes[bytes.length - 300] ?? 0) ^ 1;
  await site.objects.remove([spoilt.key]);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  await site.objects.put(spoilt.key, Readable.from([bytes]), bytes.length, sha256);
  const wrong = await site.record(camera, t0 + 6 * hourMs);
  await site.database.pool.query(`update segment set bytes = bytes + 1 where camera_id = $1 and start_at = $2`, [
    camera.internalId,
    new Date(t0 + 6 * hourMs),
  ]);
  const stray = await site.store(camera, t0 + 8 * hourMs);

  const [{ endpoint, accessKey, secretKey, bucket }, json] = [site.s3, join(site.dir, 'report.json')];
  const environment = {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    FRAMEKEEP_DATABASE_URL: site.database.url,
    FRAMEKEEP_SECRET_KEY: 'x'.repeat(32),
    FRAMEKEEP_S3_ENDPOINT: endpoint,
    FRAMEKEEP_S3_ACCESS_KEY: accessKey,
    FRAMEKEEP_S3_SECRET_KEY: secretKey,
    FRAMEKEEP_S3_BUCKET: bucket,
  };
  const args = ['--import', 'tsx', 'scripts/drill.ts', '--camera', camera.id, '--json', json];
  const { code, stdout } = await new Promise<{ code: unknown; stdout: string }>((resolve) => {
    execFile(process.execPath, args, { env: environment }, (error, out) => resolve({ code: error?.code, stdout: out }));
  });
  expect(code).toBe(1);
  expect(stdout).toContain('NOT explained');
  expect(stdout).toContain(stray.key);
  const report = JSON.parse(await readFile(json, 'utf8')) as Awaited<ReturnType<typeof drill>>;
  expect(report.difference.unexplained).toEqual({
    'missing: its object is gone': 1,
    'unreadable: its bytes are not those that its name tells': 1,
    'differs in bytes': 1,
    'extra: the live catalogue does not have it': 1,
  });
  expect(report.difference.examples.map(({ key }) => key).toSorted()).toEqual(
    [lost, spoilt, wrong, stray].map(({ key }) => key).toSorted(),
  );
  expect(await drillDatabases()).toEqual([]);
});

test('finals, joined and encoded, are rebuilt from their bytes; sources that still lie beside them are covered', async () => {
  const finish = await createFinishSite();
  const empty = await createTestDatabase();
  try {
    await finish.profile('small', { mode: 'encode', height: 90, fps: 5, bitrateKbps: 100 });
    const footage = await recordMade(finish.dir, 'main', { seconds: 12, fps: 25, gop: 50 });
    for (const profile of ['original', 'small']) {
      await finish.commit(await finish.addCamera(profile), footage, { startMs: windowMs0, windowMs: 12_000 });
    }
    expect((await finish.finishAll()).map(({ outcome }) => outcome)).toEqual(['finished', 'finished']);
    const live = finish.database.pool;
    const { objects } = finish;
    const rebuilt = await rebuildCatalogue({ objects, db: empty.pool, onCamera: () => undefined }, {});
    expect(rebuilt).toMatchObject({ objects: 8, rows: 2 });
    const difference = await compareCatalogues({ live, drill: empty.pool, objects }, rebuilt, {});
    expect(difference).toMatchObject({ live: 2, unexplained: {} });
    expect(difference.same + difference.equivalent).toBe(2);
  } finally {
    await empty.drop();
    await finish.close();
  }
});

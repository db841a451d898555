import { Readable } from 'node:stream';
import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';
import { collectBatch } from '../../activities/collect-objects.ts';
import { lookForForeign } from '../../activities/reconcile-foreign.ts';
import { lookAtShard } from '../../activities/reconcile-look.ts';
import { insertCertificate } from '../../db/certificates.ts';
import { storesUntilMs } from '../../db/purge.ts';
import { listFindings } from '../../db/reconcile-findings.ts';
import { createPool, transaction } from '../../db/sql.ts';
import { dayMs } from '../../domain/retention.ts';
import type { ListedObject } from '../../storage/listing.ts';
import { createReconcileSite, nowMs, slotMs, t0, type ReconcileSite } from './reconcile-site.ts';

let site: ReconcileSite;
beforeAll(async () => {
  site = await createReconcileSite();
});
afterEach(() => site.clear());
afterAll(() => site.close());

test('an object without a row is catalogued again from its name and bytes', async () => {
  const camera = await site.addCamera();
  const first = await site.record(camera, t0);
  const { rows: before } = await site.database.pool.query(`select * from segment`);
  await site.database.pool.query(`delete from segment`);
  expect(await site.pass()).toBe(true);
  expect(await site.rows(camera)).toEqual([first.key]);
  const { rows: after } = await site.database.pool.query(`select * from segment`);
  expect(after).toEqual(before);
  expect(await site.findings(camera)).toEqual(['0 object-without-row catalogued wanted']);
});

test('one that is partly covered is cut to what is free', async () => {
  const camera = await site.addCamera();
  const row = await site.record(camera, t0);
  const stray = await site.store(camera, t0 + 2000, 1);
  expect(await site.pass()).toBe(true);
  const rows = await site.rows(camera);
  expect(rows).toHaveLength(2);
  expect(rows[0]).toBe(row.key);
  expect(rows[1]).toContain(`/${t0 + 4000}-2000-1-0-`);
  const { db, objects, log } = site.deps;
  await collectBatch({ db, objects, log, now: () => nowMs + dayMs });
  expect(await site.keys(camera)).toEqual(rows);
  expect(rows).not.toContain(stray.key);
  expect(await site.pass()).toBe(true);
  expect(await site.rows(camera)).toEqual(rows);
});

test('a purge that begins while a part is cut lets nothing be stored, and one that begins later waits for it', async () => {
  const { pool } = site.database;
  const [purging, stored] = [await site.addCamera(), await site.addCamera()];
  for (const camera of [purging, stored]) {
    await site.record(camera, t0);
    await site.store(camera, t0 + 2000, 1);
  }
  const begin = (camera: typeof purging) =>
    pool.query(`update camera set status = 'purging', intent = 'retired' where id = $1`, [camera.internalId]);
  const until: (number | null)[] = [];
  const failpoint = async (name: string): Promise<void> => {
    if (name === 'catalogued' && until.length === 0) await begin(purging);
    if (name !== 'part-stored') return;
    await begin(stored);
    until.push(await storesUntilMs(pool, `${stored.tenantId}/${stored.id}/`, nowMs));
  };
  expect(await site.pass({ failpoint })).toBe(true);
  expect(until).toEqual([nowMs + 3_600_000]);
  expect(await site.keys(purging)).toHaveLength(2);
  expect(await site.keys(stored)).toHaveLength(3);
  for (const camera of [purging, stored]) expect(await site.rows(camera)).toHaveLength(1);
});

test('covered, expired, deleted, purged and broken objects go into quarantine, and then through the collector', async () => {
  const camera = await site.addCamera();
  const purged = await site.addCamera();
  const row = await site.record(camera, t0);
  const covered = await site.store(camera, t0 + 1, 1);
  const expired = await site.store(camera, t0 - 40 * dayMs);
  const held = await site.store(camera, t0 - 41 * dayMs);
  await site.hold(camera, t0 - 41 * dayMs, t0 - 41 * dayMs + 1000);
  const deleted = await site.store(camera, t0 + 5 * slotMs);
  await site.database.pool.query(
    `insert into deleted_segment (camera_id, start_at, sha256, duration_ms, bytes, epoch, variant, cause, deleted_at)
     values ($1, $2, decode($3, 'hex'), 4000, 1, 1, 0, 'retention', now())`,
    [camera.internalId, new Date(t0 + 5 * slotMs), deleted.segment.sha256],
  );
  const body = Buffer.from('this is no footage');
  const sha256 = createHash('sha256').update(body).digest('hex');
  const broken = row.key
    .replace(`/${t0}-`, `/${t0 + 6 * slotMs}-`)
    .replace(/[0-9a-f]{16}\.mp4$/, `${sha256.slice(0, 16)}.mp4`);
  await site.objects.put(broken, Readable.from([body]), body.length, sha256);
  const ofPurged = await site.store(purged, t0);
  await site.database.pool.query(`update camera set status = 'purged' where id = $1`, [purged.internalId]);

  expect(await site.pass()).toBe(true);
  const whys = (await site.findings(camera)).map((line) => line.replace(/^\S+ object-without-row /, ''));
  expect(whys.toSorted()).toEqual([
    'catalogued wanted held',
    'quarantined covered',
    'quarantined deleted',
    'quarantined expired',
    expect.stringMatching(/^quarantined .*moov/) as string,
  ]);
  expect(await site.findings(purged)).toEqual(['0 object-without-row quarantined purged']);
  expect(await site.rows(camera)).toEqual([held.key, row.key]);
  const all = [covered, expired, held, deleted, row, ofPurged].map(({ key }) => key);
  const stored = async () => [...(await site.keys(camera)), ...(await site.keys(purged))];
  expect((await stored()).toSorted()).toEqual([...all, broken].toSorted());

  const later = nowMs + 7 * dayMs + 1;
  expect(await site.pass({ now: () => later, databaseNow: async () => later })).toBe(true);
  const { db, objects, log } = site.deps;
  await collectBatch({ db, objects, log, now: () => later });
  expect((await stored()).toSorted()).toEqual([held.key, row.key].toSorted());
});

test('what is in quarantine and becomes wanted again gets its row back, and what a certificate names does not', async () => {
  const camera = await site.addCamera(t0 - 60 * dayMs);
  const expired = await site.store(camera, t0 - 40 * dayMs);
  const certified = await site.store(camera, t0 - 39 * dayMs);
  expect(await site.pass()).toBe(true);
  expect(await site.findings(camera)).toHaveLength(2);
  await site.database.pool.query(`update camera set retention_days = 366 where id = $1`, [camera.internalId]);
  const id = '00000000-0000-4000-8000-000000000077';
  const certificate = {
    id,
    kind: 'retention',
    tenantId: camera.tenantId,
    cameraId: camera.id,
    month: '2026-09',
  } as const;
  await transaction(site.database.pool, (tx) =>
    insertCertificate(
      tx,
      { ...certificate, issuedAtMs: t0, document: '{}' },
      `${certified.key} ${certified.segment.sha256}\n`,
    ),
  );
  const later = nowMs + 8 * dayMs;
  const counted = createPool(site.database.url, { max: 4, applicationName: 'test' });
  onTestFinished(() => counted.end());
  const query = counted.query.bind(counted);
  let lists = 0;
  Object.assign(counted, {
    query: (text: string, values: unknown[]) => {
      if (text.includes('object_list')) lists += 1;
      return query(text, values);
    },
  });
  expect(await site.pass({ db: counted, now: () => later, databaseNow: async () => later })).toBe(true);
  expect(lists).toBe(2); // by the look, and once for both findings: a list may have 50,000 lines
  const { db, objects, log } = site.deps;
  await collectBatch({ db, objects, log, now: () => later });
  expect(await site.rows(camera)).toEqual([expired.key]);
  expect(await site.keys(camera)).toEqual([expired.key]);
});

test('what bears no name of ours, or is of nobody, is reported and never deleted', async () => {
  const camera = await site.addCamera();
  const body = Buffer.from('x');
  const sha256 = createHash('sha256').update(body).digest('hex');
  const prefix = `${camera.tenantId}/${camera.id}`;
  const unknown = '00000000-0000-4000-8000-000000000009';
  const keys = ['readme.txt', `${prefix}/notes.txt`, `${camera.tenantId}/${unknown}/a`, `${unknown}/${unknown}/b`];
  for (const key of keys) await site.objects.put(key, Readable.from([body]), 1, sha256);
  for (let i = 0; i < 2; i += 1) {
    const later = nowMs + i * 30 * dayMs;
    expect(await site.pass({ now: () => later, databaseNow: async () => later })).toBe(true);
    const found = await listFindings(site.database.pool, { limit: 10 });
    expect(found.map(({ key, state, why }) => `${key} ${state} ${why}`).toSorted()).toEqual(
      keys.map((key) => `${key} reported ${key.endsWith('notes.txt') ? 'name' : 'foreign'}`).toSorted(),
    );
  }
  for (const key of keys) expect(await site.objects.stat(key)).not.toBeNull();
});

test('a folder of somebody else is not listed to its end, and nameless objects are noted in steps', async () => {
  const camera = await site.addCamera();
  const many = 3500;
  const listed = new Map<string, number>();
  async function* items(prefix: string): AsyncGenerator<ListedObject> {
    for (let i = 0; i < many; i += 1) {
      listed.set(prefix, i + 1);
      yield { key: `${prefix}x${String(i).padStart(5, '0')}`, bytes: 1, modifiedMs: 0 };
    }
  }
  let beats = 0;
  const beat = (): void => void (beats += 1);
  const clock = { nowMs, latestMs: nowMs };
  await site.objects.put(
    'other/a',
    Readable.from([Buffer.from('x')]),
    1,
    createHash('sha256').update('x').digest('hex'),
  );
  const deps = { ...site.deps, objects: { ...site.objects, list: items } };
  await lookForForeign(deps, { passId: 1, clock }, beat);
  expect(listed.get('other/')).toBe(1000);
  expect(beats).toBeGreaterThanOrEqual(1);

  beats = 0;
  await lookAtShard(deps, { passId: 1, clock, shard: 0, shards: 1 }, { from: null, beat });
  expect(beats).toBeGreaterThanOrEqual(4);
  const { rows } = await site.database.pool.query(
    `select count(*)::int as noted from reconcile_finding where camera_id = $1`,
    [camera.internalId],
  );
  expect(rows).toEqual([{ noted: many }]);
});

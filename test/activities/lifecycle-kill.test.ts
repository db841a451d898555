import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { auditHash, chainedEntries } from '../../db/audit.ts';
import { changeIntent } from '../../db/camera-changes.ts';
import { certifiedLines, listCertificates } from '../../db/certificates.ts';
import { placeHold } from '../../db/holds.ts';
import { enqueue } from '../../db/object-gc.ts';
import { many, transaction, type Pool } from '../../db/sql.ts';
import { requestTenantDeletion } from '../../db/tenant-deletion.ts';
import { insertTenant } from '../../db/tenants.ts';
import { brokenLink, chainStart } from '../../domain/audit-chain.ts';
import { dayMs } from '../../domain/retention.ts';
import { digestOf, problemsOf } from '../../security/certificates.ts';
import { createObjects, type Objects } from '../../storage/objects.ts';
import { clocksAt, makeCamera } from '../db/fixtures.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { runProcess, untilDisconnected } from '../support/killed-process.ts';
import { testS3 } from '../support/objects.ts';
import { footageOf, keysOf, storeFootage, type FootageOwner } from '../support/stored-footage.ts';
import { killPlaces } from './kill-places.ts';
import type { LifecycleProcess, LifecycleWork } from './lifecycle-process.ts';
import { sweptAnHourBefore } from './whole-sweep.ts';

const kinds = ['sweep', 'month', 'purge', 'tenant', 'collect'] as const;
const rows = kinds.flatMap((kind) => killPlaces[kind].map((place) => ({ kind, place })));

const t0 = Date.UTC(2026, 0, 1);
/** Three of six minutes are older than 30 days; one of them is held. */
const sweepMs = t0 + 30 * dayMs + 3 * 60_000;
const graceEndMs = t0 + 100 * dayMs;
/** The minutes that must be left of a camera, and those that are noted as deleted. */
const outcomes: Record<LifecycleWork['kind'], { kept: number[]; noted: number[] }> = {
  sweep: { kept: [1, 3, 4, 5], noted: [0, 2] },
  month: { kept: [1, 3, 4, 5], noted: [] },
  purge: { kept: [], noted: [] },
  tenant: { kept: [], noted: [] },
  collect: { kept: [3, 4, 5], noted: [] },
};
/** Places within a transaction, which is ended when it waits for a minute: come to as late as possible. */
const isWithin = ({ kind, place }: { kind: string; place: string }): boolean =>
  kind === 'collect' || place === 'signed';

interface Case {
  kind: LifecycleWork['kind'];
  place: string;
  database: TestDatabase;
  camera: FootageOwner;
  /** What must have been done before. */
  before: LifecycleWork[];
  work: LifecycleWork;
  /** Objects that are there after the kill. */
  afterKill: string[];
}

const shared = { secretKey: randomBytes(32).toString('hex') };
let s3: Awaited<ReturnType<typeof testS3>>;
let objects: Objects;
let cases: Case[] = [];

beforeAll(async () => {
  s3 = await testS3();
  objects = createObjects(s3);
  await objects.ensureBucket();
  cases = await Promise.all(rows.map(({ kind, place }) => prepare(kind, place)));
  await carryOut(cases.flatMap(({ before }) => before));
  const standing = cases.toSorted((a, b) => Number(isWithin(a)) - Number(isWithin(b))).map(({ work }) => work);
  expect(await startWorker(standing, true)).toEqual({ code: null, signal: 'SIGKILL' });
  for (const one of cases) {
    one.afterKill = await keysOf(objects, one.camera);
    await untilDisconnected(one.database.pool, 'lifecycle-process');
  }
  // Another worker, twice: the second time there must be nothing left to do.
  const all = cases.map(({ work }) => work);
  await carryOut([...all, ...all]);
}, 300_000);
afterAll(async () => {
  objects.close();
  await Promise.all(cases.map(({ database }) => database.drop()));
});

function startWorker(work: LifecycleWork[], isKilled: boolean): ReturnType<typeof runProcess> {
  const given: LifecycleProcess = { work, s3, ...shared, isKilled };
  return runProcess('activities/lifecycle-process.ts', given);
}

async function carryOut(work: LifecycleWork[]): Promise<void> {
  expect(await startWorker(work, false)).toEqual({ code: 0, signal: null });
}

/** A catalogue of its own, with six minutes of a camera. */
async function prepare(kind: Case['kind'], place: string): Promise<Case> {
  const database = await createTestDatabase();
  const db = database.pool;
  let camera: FootageOwner = await makeCamera(db, { createdAtMs: t0 });
  let id = camera.id;
  if (kind === 'tenant') {
    id = (await insertTenant(db, 'leaves')).id;
    await db.query(`update camera set tenant_id = (select id from tenant where public_id = $1)`, [id]);
    camera = { ...camera, tenantId: id };
  }
  for (let i = 0; i < 6; i += 1) await storeFootage({ db, objects }, camera, { startMs: t0 + i * 60_000 });
  const work = { kind, databaseUrl: database.url, id, killAt: place };
  const one = (nowMs: number, ...before: LifecycleWork[]): Case => {
    return { kind, place, database, camera, before, work: { ...work, nowMs }, afterKill: [] };
  };
  if (kind === 'collect') {
    // The fourth minute is needed after all: a row names it.
    const keys = [0, 1, 2, 3].map((minute) => footageOf(camera, { startMs: t0 + minute * 60_000 }).key);
    await db.query(`delete from segment where start_at < $1`, [new Date(t0 + 180_000)]);
    await enqueue(db, keys, 'finished', t0);
    return one(t0);
  }
  if (kind === 'sweep' || kind === 'month') {
    const range = { startMs: t0 + 60_000, endMs: t0 + 90_000 };
    const by = { reason: 'case 7', untilMs: null, placedBy: 'account:admin', placedAtMs: t0 };
    await transaction(db, (tx) => placeHold(tx, { cameraId: camera.id, ...range, ...by }));
    await sweptAnHourBefore(db, sweepMs);
    if (kind === 'sweep') return one(sweepMs);
    return one(Date.UTC(2026, 1, 1, 1), { ...work, kind: 'sweep', nowMs: sweepMs });
  }
  const nowMs = t0 + 10 * dayMs;
  const times = { graceMs: 90 * dayMs, clocks: clocksAt(nowMs) };
  if (kind === 'purge') {
    await transaction(db, (tx) => changeIntent(tx, camera.id, 'retire', times));
    const stray = footageOf(camera, { startMs: t0 + 3_600_000 });
    await objects.put(stray.key, Readable.from([stray.body]), stray.body.length, stray.segment.sha256);
    return one(graceEndMs);
  }
  await transaction(db, (tx) => requestTenantDeletion(tx, id, { by: 'account:admin', nowMs, ...times }));
  return one(graceEndMs, { ...work, kind: 'purge', id: camera.id, nowMs: graceEndMs });
}

async function left({ pool }: { pool: Pool }): Promise<object> {
  const minutes = (from: string): Promise<number[]> =>
    many(
      pool,
      z.object({ start_at: z.date() }).transform((row) => (row.start_at.getTime() - t0) / 60_000),
      `select start_at from ${from} order by start_at`,
    );
  const marked = (await pool.query(`select from segment where state = 1`)).rowCount;
  const ordered = (await pool.query(`select from object_gc`)).rowCount;
  return { minutes: await minutes('segment'), noted: await minutes('deleted_segment'), marked, ordered };
}

/** The one certificate there must be of a kind, checked as anybody can: its signature, digest and place in the log. */
async function certified(pool: Pool, kind: string): Promise<unknown> {
  const found = (await listCertificates(pool, { limit: 10 })).filter((certificate) => certificate.kind === kind);
  const entries = await chainedEntries(pool, 0, 100);
  expect(brokenLink(entries, { id: 0, hash: chainStart }, auditHash)).toBeNull();
  const issued = entries.filter(({ body }) => body.includes('"certificate.issue"') && body.includes(`"${kind}"`));
  expect({ certificates: found.length, entries: issued.length }).toEqual({ certificates: 1, entries: 1 });
  const signed: unknown = JSON.parse(found[0]?.document ?? '');
  expect(problemsOf(signed)).toEqual([]);
  const lines = await certifiedLines(pool, found[0]?.id ?? '');
  if (lines !== null) expect(signed).toMatchObject({ document: { digest: { value: digestOf(lines) } } });
  return signed;
}

test.each(rows)('$kind killed (SIGKILL) at "$place": another worker does the rest, once', async ({ kind, place }) => {
  const one = cases.find((candidate) => candidate.kind === kind && candidate.place === place);
  if (one === undefined) throw new Error('not prepared');
  const { database, camera, afterKill } = one;
  const keyOf = (minute: number): string => footageOf(camera, { startMs: t0 + minute * 60_000 }).key;
  const { kept, noted } = outcomes[kind];
  expect(afterKill).toEqual(expect.arrayContaining(kept.map(keyOf)));
  if (place === 'checked') expect(afterKill).toHaveLength(6);
  expect(await keysOf(objects, camera)).toEqual(kept.map(keyOf));
  expect(await left(database)).toEqual({ minutes: kept, noted, marked: 0, ordered: 0 });
  if (kind === 'month') {
    expect(await certified(database.pool, 'retention')).toMatchObject({ document: { footage: { segments: 2 } } });
  }
  if (kind === 'purge' || kind === 'tenant') {
    const footage = { segments: 6, durationMs: 360_000 };
    const furtherObjects = kind === 'purge' ? 1 : 0;
    expect(await certified(database.pool, 'purge')).toMatchObject({
      document: { footage, storage: { furtherObjects } },
    });
  }
  if (kind === 'tenant') {
    const cameras = [{ id: camera.id, segments: 6 }];
    expect(await certified(database.pool, 'tenant')).toMatchObject({ document: { cameras } });
  }
});

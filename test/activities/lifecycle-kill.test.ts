import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { auditHash, chainedEntries } from '../../db/audit.ts';
import { changeIntent } from '../../db/camera-changes.ts';
import { certifiedLines, listCertificates } from '../../db/certificates.ts';
import { placeHold } from '../../db/holds.ts';
import { many, transaction, type Pool } from '../../db/sql.ts';
import { requestTenantDeletion } from '../../db/tenant-deletion.ts';
import { insertTenant } from '../../db/tenants.ts';
import { brokenLink, chainStart } from '../../domain/audit-chain.ts';
import { dayMs } from '../../domain/retention.ts';
import { digestOf, problemsOf } from '../../security/certificates.ts';
import { createObjects, type Objects } from '../../storage/objects.ts';
import { makeCamera } from '../db/fixtures.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { testS3 } from '../support/objects.ts';
import type { LifecycleProcess, LifecycleWork } from './lifecycle-process.ts';
import { footageOf, keysOf, storeFootage, type FootageOwner } from './stored-footage.ts';
import { sweptAnHourBefore } from './whole-sweep.ts';

/** Each place at which a worker is killed; what it ends with afterwards is the same for all places of a kind. */
const places = {
  sweep: ['sweep-marked', 'marked', 'removed', 'looked', 'forgotten', 'swept'],
  month: ['signed', 'certified'],
  purge: 'begun purge-marked marked removed looked forgotten deleted cleared signed certified'.split(' '),
  tenant: ['signed', 'certified'],
};
const rows = (['sweep', 'month', 'purge', 'tenant'] as const).flatMap((kind) =>
  places[kind].map((place) => ({ kind, place })),
);

const t0 = Date.UTC(2026, 0, 1);
/** Three of six minutes are older than 30 days; one of them is held. */
const sweepMs = t0 + 30 * dayMs + 3 * 60_000;
const keptMinutes = [1, 3, 4, 5];
const graceEndMs = t0 + 100 * dayMs;

interface Case {
  kind: LifecycleWork['kind'];
  place: string;
  database: TestDatabase;
  camera: FootageOwner;
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
  const waiting = [...cases];
  const killNext = async (): Promise<void> => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
      const killed = await startWorker([one.work], one.place);
      expect(killed, `${one.kind} ${one.place}`).toMatchObject({ signal: 'SIGKILL' });
      one.afterKill = await keysOf(objects, one.camera);
    }
  };
  await Promise.all([killNext(), killNext(), killNext()]);
  // Another worker, twice: the second time there must be nothing left to do.
  const all = cases.map(({ work }) => work);
  expect(await startWorker([...all, ...all])).toMatchObject({ code: 0 });
}, 300_000);
afterAll(async () => {
  objects.close();
  await Promise.all(cases.map(({ database }) => database.drop()));
});

async function startWorker(work: LifecycleWork[], killAt?: string) {
  const given: LifecycleProcess = { work, s3, ...shared, ...(killAt === undefined ? {} : { killAt }) };
  const child = spawn(process.execPath, ['--import', 'tsx', `${import.meta.dirname}/lifecycle-process.ts`], {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], LIFECYCLE: JSON.stringify(given) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [printed, [code, signal]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  return { code: code as number | null, signal: signal as string | null, printed };
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
  const one = (nowMs: number, more: Partial<LifecycleWork> = {}): Case => {
    const work = { kind, databaseUrl: database.url, id, nowMs, ...more };
    return { kind, place, database, camera, work, afterKill: [] };
  };
  if (kind === 'sweep' || kind === 'month') {
    const range = { startMs: t0 + 60_000, endMs: t0 + 90_000 };
    const by = { reason: 'case 7', untilMs: null, placedBy: 'account:admin', placedAtMs: t0 };
    await transaction(db, (tx) => placeHold(tx, { cameraId: camera.id, ...range, ...by }));
    await sweptAnHourBefore(db, sweepMs);
    if (kind === 'sweep') return one(sweepMs);
    await startWorker([one(sweepMs, { kind: 'sweep' }).work]);
    return one(Date.UTC(2026, 1, 1, 1));
  }
  const times = { nowMs: t0 + 10 * dayMs, graceMs: 90 * dayMs };
  if (kind === 'purge') {
    await transaction(db, (tx) => changeIntent(tx, camera.id, 'retire', times));
    const stray = footageOf(camera, { startMs: t0 + 3_600_000 });
    await objects.put(stray.key, Readable.from([stray.body]), stray.body.length, stray.segment.sha256);
    return one(graceEndMs);
  }
  await transaction(db, (tx) => requestTenantDeletion(tx, id, { by: 'account:admin', ...times }));
  await startWorker([one(graceEndMs, { kind: 'purge', id: camera.id }).work]);
  return one(graceEndMs);
}

async function left({ pool }: { pool: Pool }): Promise<{ minutes: number[]; noted: number[]; marked: number }> {
  const minutes = (from: string): Promise<number[]> =>
    many(
      pool,
      z.object({ start_at: z.date() }).transform((row) => (row.start_at.getTime() - t0) / 60_000),
      `select start_at from ${from} order by start_at`,
    );
  const marked = (await pool.query(`select from segment where state = 1`)).rowCount ?? 0;
  return { minutes: await minutes('segment'), noted: await minutes('deleted_segment'), marked };
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
  const keys = await keysOf(objects, camera);
  if (kind === 'sweep' || kind === 'month') {
    const kept = keptMinutes.map(keyOf);
    expect(afterKill).toEqual(expect.arrayContaining(kept));
    expect(keys).toEqual(kept);
    const noted = kind === 'sweep' ? [0, 2] : [];
    expect(await left(database)).toEqual({ minutes: keptMinutes, noted, marked: 0 });
  } else {
    expect(keys).toEqual([]);
    expect(await left(database)).toEqual({ minutes: [], noted: [], marked: 0 });
  }
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

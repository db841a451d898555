import { afterAll, beforeAll, expect, test } from 'vitest';
import { noteRollUp, saveDays, type CoverageDay } from '../../db/coverage.ts';
import { claimHole } from '../../db/gaps.ts';
import { beginPass, endPass } from '../../db/reconcile-passes.ts';
import { cameraForRecording } from '../../db/recorded-cameras.ts';
import { transaction } from '../../db/sql.ts';
import { noteSweep } from '../../db/sweep-state.ts';
import type { Camera } from '../../domain/camera.ts';
import { problemsOf } from '../../security/certificates.ts';
import { startApi, type ApiUnderTest } from './api-under-test.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
let nowMs = Date.UTC(2026, 10, 24);
let api: ApiUnderTest;
let camera: Camera;

interface Report {
  document: {
    final: boolean;
    total: { uncountedMs: number };
    cameras: { id: string; name: string; uncountedMs: number; days: object[] }[];
  };
  signature: { keyId: string };
}
const path = '/v1/reports/coverage';

async function day(startMs: number, lostMs: object, changes: Partial<CoverageDay> = {}): Promise<void> {
  const { pool } = api.database;
  const internalId = (await cameraForRecording(pool, camera.id))?.internalId ?? 0;
  const counted = { wantedMs: 24 * hourMs, recordedMs: 23 * hourMs, gaps: 1, lostMs, trimmed: false, uncountedMs: 0 };
  await saveDays(pool, [{ internalId, dayMs: startMs, knownUntilMs: startMs + dayMs, ...counted, ...changes }]);
}

beforeAll(async () => {
  api = await startApi({ now: () => nowMs });
  camera = await api.addCamera({ name: 'Gate <2>' });
  await api.database.pool.query(`update camera set created_at = $1`, [new Date(Date.UTC(2026, 9, 1))]);
  await day(Date.UTC(2026, 9, 31), { unknown: hourMs }); // of another month
  await day(Date.UTC(2026, 10, 1), { unreachable: hourMs });
  await day(Date.UTC(2026, 10, 30), { auth: hourMs / 2, unreachable: hourMs / 2 });
  await day(Date.UTC(2026, 11, 1), { unknown: hourMs });
});
afterAll(() => api.close());

test('counts the month by camera and day, and says whose fault the rest is', async () => {
  const answer = await api.call('GET', `${path}?month=2026-11`);
  expect(answer.statusCode).toBe(200);
  const { document } = answer.json<Report>();
  const total = {
    wantedMs: 48 * hourMs,
    recordedMs: 46 * hourMs,
    coveragePpm: 958_333,
    gaps: 2,
    lostMsByReason: { unreachable: 1.5 * hourMs, auth: hourMs / 2 },
    lostMsByOwner: { network: 1.5 * hourMs, operator: hourMs / 2 },
    uncountedMs: 22 * dayMs, // of the month so far
  };
  expect(document).toMatchObject({ month: '2026-11', final: false, total, cameras: [{ id: camera.id, ...total }] });
  expect(document.cameras[0]?.days).toMatchObject([{ day: '2026-11-01' }, { day: '2026-11-30' }]);
});

test('is signed with a published key, and any change shows', async () => {
  const signed = (await api.call('GET', `${path}?month=2026-11`)).json<Report>();
  const { keys } = (await api.app.inject('/.well-known/framekeep-keys.json')).json<{
    keys: { id: string; publicKey: string }[];
  }>();
  expect(problemsOf(signed, keys)).toEqual([]);
  const forged = structuredClone(signed);
  Object.assign(forged.document.total, { recordedMs: 48 * hourMs });
  expect(problemsOf(forged, keys)).toHaveLength(1);
});

test('is final once late footage is taken in no more and each day was counted to its end', async () => {
  const about = async () => {
    const { document } = (await api.call('GET', `${path}?month=2026-11`)).json<Report>();
    expect(document.cameras.map(({ uncountedMs }) => uncountedMs)).toEqual([document.total.uncountedMs]);
    return [document.final, document.total.uncountedMs / hourMs];
  };
  const nothing = { wantedMs: 0, recordedMs: 0, gaps: 0 };
  nowMs = Date.UTC(2026, 11, 9);
  expect(await about()).toEqual([false, 28 * 24]);
  const { body } = await api.call('GET', `${path}/page?month=2026-11`);
  expect(body).toContain('Not final');
  expect(body).toContain('Not counted: 672:00:00 that were to be recorded.');
  for (let date = 2; date < 30; date += 1) await day(Date.UTC(2026, 10, date), {}, nothing);
  expect(await about()).toEqual([true, 0]);
  await day(Date.UTC(2026, 10, 12), {}, { ...nothing, knownUntilMs: Date.UTC(2026, 10, 12, 18) });
  expect(await about()).toEqual([false, 6]);
  await day(Date.UTC(2026, 10, 12), {}, { ...nothing, uncountedMs: hourMs, trimmed: true });
  expect(await about()).toEqual([false, 1]);
  await day(Date.UTC(2026, 10, 12), {}, nothing);
  expect(await about()).toEqual([true, 0]);
  nowMs = Date.UTC(2026, 11, 9) - 1;
  expect(await about()).toEqual([false, 0]);
});

test('a camera is asked for the time in which it was there and not paused alone', async () => {
  nowMs = Date.UTC(2026, 11, 9);
  const { pool } = api.database;
  const about = async () => {
    const { document } = (await api.call('GET', `${path}?month=2026-11`)).json<Report>();
    return [document.final, document.total.uncountedMs / hourMs];
  };
  const other = await api.addCamera({ name: 'Yard' });
  const set = (columns: string, ...values: Date[]) =>
    pool.query(`update camera set ${columns} where public_id = $1`, [other.id, ...values]);
  await set('created_at = $2, retired_at = $3', new Date(Date.UTC(2026, 10, 29)), new Date(Date.UTC(2026, 10, 30, 12)));
  expect(await about()).toEqual([false, 36]);
  await pool.query(`delete from gap where camera_id = (select id from camera where public_id = $1)`, [other.id]);
  await claimHole(pool, other.id, Date.UTC(2026, 10, 28), Date.UTC(2026, 10, 30, 11), 'paused', {});
  expect(await about()).toEqual([false, 1]);
  // A purge has taken its last hour before it was counted: nobody ever will.
  await set(`status = 'purged'`);
  expect(await about()).toEqual([true, 1]);
  await set('retired_at = $2', new Date(Date.UTC(2026, 10, 30, 14)));
  expect(await about()).toEqual([false, 3]);
  await set('retired_at = $2', new Date(Date.UTC(2026, 10, 1)));
  expect(await about()).toEqual([true, 0]);
});

test('that coverage or the archive is looked at no more is a problem', async () => {
  const { pool } = api.database;
  const overdue = async () => {
    const { problems } = (await api.call('GET', '/v1/status')).json<{ problems: { code?: string; since: string }[] }>();
    return problems.filter(({ code }) => code?.endsWith('-overdue')).map(({ code, since }) => [code, since]);
  };
  const age = async () => {
    const { body } = await api.call('GET', '/metrics');
    return body.split('\n').find((line) => line.startsWith('framekeep_coverage_last_count'));
  };
  await noteSweep(pool, {
    atMs: nowMs,
    segments: 0,
    bytes: 0,
    refused: 0,
    forecast: [],
    knownEntries: 0,
    isWhole: true,
  });
  const created = new Date(Date.UTC(2026, 9, 1)).toISOString();
  expect(await overdue()).toEqual([
    ['reconcile-overdue', created],
    ['coverage-overdue', created],
  ]);
  expect(await age()).toBe('framekeep_coverage_last_count_age_seconds Nan');
  await noteRollUp(pool, nowMs - 3 * hourMs);
  const pass = await transaction(pool, (tx) => beginPass(tx, { runId: 'a', scheduled: true, nowMs }));
  await endPass(pool, pass?.id ?? 0, { state: 'done', rows: 0, objects: 0, found: {}, nowMs: nowMs - 3 * dayMs });
  expect(await overdue()).toEqual([]);
  expect(await age()).toBe('framekeep_coverage_last_count_age_seconds 10800');
  nowMs += 1;
  expect((await overdue()).map(([code]) => code)).toEqual(['reconcile-overdue', 'coverage-overdue']);
});

test('can be printed: escaped, under a policy that lets nothing in', async () => {
  const page = await api.call('GET', `${path}/page?month=2026-11`);
  expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
  expect(page.headers['content-security-policy']).toContain(`default-src 'none'`);
  expect(page.body).toContain('Gate &lt;2&gt;');
  expect(page.body).not.toContain('<2>');
  expect(page.body).toContain('<td class="number">95.83 %</td>');
  expect(page.body).toContain('unreachable 1:30:00, auth 0:30:00');
});

test('of a month, a tenant that is', async () => {
  expect((await api.call('GET', `${path}?month=2026-13`)).statusCode).toBe(400);
  const nobody = await api.call('GET', `${path}?month=2026-11&tenantId=0199d2c4-0000-7000-8000-000000000000`);
  expect(nobody.statusCode).toBe(404);
});

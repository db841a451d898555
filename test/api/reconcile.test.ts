import { afterAll, beforeAll, expect, test } from 'vitest';
import { noteFindings } from '../../db/reconcile-findings.ts';
import { beginPass, stopReconcile } from '../../db/reconcile-passes.ts';
import { noteCheck } from '../../db/segment-checks.ts';
import { transaction } from '../../db/sql.ts';
import { startApi, type ApiUnderTest } from './api-under-test.ts';

const nowMs = Date.UTC(2026, 10, 24, 12);
let api: ApiUnderTest;
let cameraId: string;
let internalId: number;
beforeAll(async () => {
  api = await startApi({ now: () => nowMs });
  cameraId = (await api.addCamera()).id;
  const { rows } = await api.deps.pool.query(`select id from camera where public_id = $1`, [cameraId]);
  internalId = (rows as { id: number }[])[0]?.id ?? 0;
});
afterAll(() => api.close());

const finding = (key: string) => ({
  key,
  internalId,
  kind: 'row-without-object' as const,
  verdict: 'missing' as const,
  why: 'gone',
  held: true,
  startMs: nowMs,
  durationMs: 4000,
  bytes: 7,
});

test('a dry run is asked for though Temporal does not take it, and begun by the next workflow', async () => {
  const asked = await api.call('POST', '/v1/reconcile', { dryRun: true });
  expect(asked.statusCode).toBe(202);
  expect(asked.json()).toMatchObject({ state: 'wanted', dryRun: true, requestedBy: 'api-key:test' });
  const begin = (runId: string, scheduled: boolean) =>
    transaction(api.deps.pool, (tx) => beginPass(tx, { runId, scheduled, nowMs }));
  expect(await begin('a', true)).toMatchObject({ dryRun: true, state: 'running' });
  expect(await begin('a', true)).toMatchObject({ dryRun: true, state: 'running' });
  expect(await begin('b', true)).toBeNull();
  const shown = await api.call('GET', '/v1/reconcile');
  expect(shown.json()).toMatchObject({
    stopped: null,
    passes: [{ state: 'wanted', requestedBy: null }, { state: 'running' }],
    findings: [],
  });
});

test('findings are listed in pages, and stand in status and metrics', async () => {
  await noteFindings(api.deps.pool, ['a', 'b', 'c'].map(finding), {
    passId: 1,
    atMs: nowMs - 60_000,
    state: 'missing',
  });
  const first = (await api.call('GET', '/v1/reconcile/findings?limit=2')).json<{
    items: { key: string }[];
    nextCursor: string;
  }>();
  expect(first.items.map(({ key }) => key)).toEqual(['c', 'b']);
  const next = await api.call('GET', `/v1/reconcile/findings?limit=2&cursor=${first.nextCursor}`);
  expect(next.json()).toMatchObject({ items: [{ key: 'a', cameraId, state: 'missing', held: true }] });
  expect((await api.call('GET', '/v1/reconcile/findings?state=damaged')).json()).toEqual({ items: [] });
  expect((await api.call('GET', '/v1/status')).json<{ problems: object[] }>().problems).toContainEqual({
    kind: 'archive',
    id: 'missing',
    code: 'footage-missing',
    name: 'The archive',
    what: '3 segments lost: the store does not have the objects, 3 of them HELD AS EVIDENCE',
    since: '2026-11-24T11:59:00.000Z',
  });
  const row = { internalId, cameraId, tenantId: '', startMs: nowMs, durationMs: 1, epoch: 1, variant: 0 };
  const check = { verdict: 'undecodable' as const, detail: 'x', atMs: nowMs - 1 };
  await noteCheck(api.deps.pool, { ...row, bytes: 9, sha256: '00' }, check);
  const metrics = (await api.call('GET', '/metrics')).body;
  expect(metrics).toContain('framekeep_reconcile_findings{kind="row-without-object",state="missing"} 3');
  expect(metrics).toContain('framekeep_reconcile_stopped 0');
  expect(metrics).toContain('framekeep_sampled_segments_day{verdict="undecodable"} 1');
  expect((await api.call('GET', '/v1/reconcile')).json()).toMatchObject({
    findings: [{ state: 'missing', count: 3, held: 3 }],
    samples: [{ verdict: 'undecodable', count: 1, bytes: 9 }],
  });
});

test('a stopped reconcile is told, refuses to act, looks on demand, and is resumed once', async () => {
  const stop = { reason: 'too-many' as const, text: '12 of 12', atMs: nowMs - 1000, found: 12 };
  await stopReconcile(api.deps.pool, stop);
  expect((await api.call('GET', '/v1/status')).json<{ problems: { what: string }[] }>().problems).toContainEqual(
    expect.objectContaining({ kind: 'archive', what: 'reconcile is stopped: 12 of 12' }),
  );
  expect((await api.call('POST', '/v1/reconcile', {})).statusCode).toBe(409);
  expect((await api.call('POST', '/v1/reconcile', { dryRun: true })).statusCode).toBe(202);
  const resumed = await api.call('POST', '/v1/reconcile/resume');
  const { stopped, passes } = resumed.json<{ stopped: unknown; passes: object[] }>();
  expect(stopped).toBeNull();
  expect(passes[0]).toMatchObject({ state: 'wanted', dryRun: false, requestedBy: 'api-key:test' });
  expect((await api.call('POST', '/v1/reconcile/resume')).statusCode).toBe(409);
  const actions = (await api.call('GET', '/v1/audit')).json<{ items: { action: string }[] }>().items;
  expect(actions.map(({ action }) => action)).toEqual(['reconcile.resume', 'reconcile.start', 'reconcile.start']);
});

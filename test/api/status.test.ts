import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { setCameraState } from '../../db/cameras.ts';
import { claimHole } from '../../db/gaps.ts';
import { takeEpoch } from '../../db/leases.ts';
import { upsertRecorder } from '../../db/recorders.ts';
import { makeCamera } from '../db/fixtures.ts';
import { startApi, type ApiUnderTest } from './api-under-test.ts';

const t0 = Date.parse('2026-11-17T10:00:00Z');
const hostA = '0199d2c4-0000-7000-8000-00000000000a';
const hostB = '0199d2c4-0000-7000-8000-00000000000b';
let nowMs = t0;
/** How far this host's clock is ahead of the database's. */
let aheadMs = 0;
let api: ApiUnderTest;

beforeAll(async () => {
  api = await startApi({ temporal: 'present', now: () => nowMs + aheadMs, databaseNow: async () => nowMs });
  const { pool } = api.database;
  const states = [
    ['recording', null, 0],
    ['recording', null, 0],
    ['attention', 'auth', 2000],
    ['reconnecting', 'refused', 1000],
  ] as const;
  for (const [i, [state, reason, offsetMs]] of states.entries()) {
    const camera = await api.addCamera({ name: `${state} ${offsetMs} ${Math.random()}` });
    await takeEpoch(pool, camera.id, { hostId: i < 2 ? hostA : hostB, sessionId: null });
    await setCameraState(pool, camera.id, state, reason, t0 + offsetMs);
  }
  const recorder = { url: 'http://127.0.0.1:1', slots: 200 };
  await upsertRecorder(pool, { ...recorder, hostId: hostA, used: 4, seenMs: t0 });
  // What it said last may be long ago: what counts is who still counts on it.
  await upsertRecorder(pool, { ...recorder, hostId: hostB, used: 200, seenMs: t0 - 21_000 });
});
afterAll(() => api.close());

describe('the status', () => {
  test('counts cameras and says what is wrong, oldest first', async () => {
    const answer = await api.call('GET', '/v1/status');
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toMatchObject({
      asOf: '2026-11-17T10:00:00.000Z',
      cameras: { total: 4, byState: { recording: 2, attention: 1, reconnecting: 1 } },
      problems: [
        {
          kind: 'recorder',
          id: hostB,
          what: 'is not seen any more; it held 2 cameras',
          since: '2026-11-17T09:59:39.000Z',
        },
        { kind: 'camera', what: 'reconnecting: refused', since: '2026-11-17T10:00:01.000Z' },
        { kind: 'camera', what: 'attention: auth', since: '2026-11-17T10:00:02.000Z' },
      ],
      parts: [
        { name: 'database', ok: true },
        { name: 'objects', ok: true },
        { name: 'temporal', ok: true },
      ],
    });
  });

  test('lists recorders without their internal address', async () => {
    const { items } = (await api.call('GET', '/v1/recorders')).json<{ items: object[] }>();
    const common = { slots: 200, draining: false };
    expect(items).toEqual([
      { ...common, hostId: hostA, used: 4, seenAt: '2026-11-17T10:00:00.000Z', alive: true },
      { ...common, hostId: hostB, used: 200, seenAt: '2026-11-17T09:59:39.000Z', alive: false },
    ]);
  });

  test.each([30_000, -30_000])('a clock of the API that is %i ms ahead makes no host dead or alive', async (offMs) => {
    aheadMs = offMs;
    const ofHosts = (await api.call('GET', '/v1/recorders')).json<{ items: { hostId: string; alive: boolean }[] }>();
    const { problems } = (await api.call('GET', '/v1/status')).json<{ problems: { kind: string; id: string }[] }>();
    const { body } = await api.call('GET', '/metrics');
    aheadMs = 0;
    expect(ofHosts.items.map(({ hostId, alive }) => [hostId, alive])).toEqual([
      [hostA, true],
      [hostB, false],
    ]);
    expect(problems.filter(({ kind }) => kind === 'recorder').map(({ id }) => id)).toEqual([hostB]);
    expect(body).toContain(`framekeep_recorder_up{host="${hostA}"} 1`);
    expect(body).toContain(`framekeep_recorder_up{host="${hostB}"} 0`);
    expect(body).toContain(`framekeep_recorder_slots{host="${hostA}",use="used"} 4`);
    expect(body).not.toContain(`framekeep_recorder_slots{host="${hostB}"`);
  });

  test('everything answers, so the process is ready', async () => {
    const ready = await api.app.inject('/readyz');
    expect([ready.statusCode, ready.json()]).toEqual([
      200,
      { ready: true, database: true, objects: true, temporal: true },
    ]);
  });
});

test('metrics count cameras by state and requests by route, never by path', async () => {
  await api.call('GET', '/v1/cameras/0199d2c4-0000-7000-8000-000000000000');
  await api.app.inject('/m/sometoken/somename');
  const { body, headers } = await api.call('GET', '/metrics');
  expect(headers['content-type']).toMatch(/^text\/plain/);
  expect(body).toContain('framekeep_cameras{state="recording"} 2');
  expect(body).toMatch(
    /framekeep_http_request_seconds_count\{method="GET",route="\/v1\/cameras\/:id",status="404"\} 1/,
  );
  expect(body).toContain('process_cpu_seconds_total');
  expect(body).not.toContain('sometoken');
});

test('profiles are listed', async () => {
  const { items } = (await api.call('GET', '/v1/profiles')).json<{ items: object[] }>();
  expect(items).toMatchObject([
    { name: 'original', mode: 'copy', audio: 'none', durable: 'source', height: null },
    { name: 'original-audio', mode: 'copy', audio: 'aac' },
    { name: 'standard', mode: 'auto', height: 720, fps: 10, bitrateKbps: 1000 },
  ]);
});

test('API keys are made, shown once, used and removed', async () => {
  const made = (await api.call('POST', '/v1/api-keys', { name: 'integrator' })).json<{ id: string; key: string }>();
  const me = () => api.app.inject({ url: '/v1/me', headers: { authorization: `Bearer ${made.key}` } });
  expect((await me()).json()).toMatchObject({ kind: 'api-key', name: 'integrator', role: 'operator' });
  const list = await api.call('GET', '/v1/api-keys');
  expect(list.json<{ items: { name: string }[] }>().items.map(({ name }) => name)).toEqual(['test', 'integrator']);
  expect(list.body).not.toContain(made.key);
  expect((await api.call('DELETE', `/v1/api-keys/${made.id}`)).statusCode).toBe(204);
  expect((await me()).statusCode).toBe(401);
});

test('tenants are made and listed', async () => {
  const made = await api.call('POST', '/v1/tenants', { name: 'School' });
  expect([made.statusCode, made.json<{ name: string }>().name]).toEqual([201, 'School']);
  const first = (await api.call('GET', '/v1/tenants?limit=1')).json<{ items: object[]; nextCursor: string }>();
  expect(first.items).toMatchObject([{ name: 'default' }]);
  const second = (await api.call('GET', `/v1/tenants?limit=1&cursor=${first.nextCursor}`)).json<object>();
  expect(second).toMatchObject({ items: [{ name: 'School' }] });
  expect(second).not.toHaveProperty('nextCursor');
});

test('a part that fails later is seen failing since then', async () => {
  nowMs = t0 + 60_000;
  await api.deps.workflows.close();
  const { parts } = (await api.call('GET', '/v1/status')).json<{ parts: object[] }>();
  expect(parts).toMatchObject([
    { name: 'database', ok: true, since: '2026-11-17T10:00:00.000Z' },
    { name: 'objects', ok: true, since: '2026-11-17T10:00:00.000Z' },
    { name: 'temporal', ok: false, since: '2026-11-17T10:01:00.000Z' },
  ]);
});

test('metrics and status tell what recorders say of themselves, and which camera flaps', async () => {
  nowMs = t0 + 3_600_000;
  const { pool } = api.database;
  const stats = {
    backlog: { files: 7, bytes: 9_000_000, oldestEndMs: nowMs - 600_000 },
    commits: { committed: 12, covered: 0, quarantined: 0, failures: 3 },
    spool: { usedBytes: 10, maxBytes: 20, freeBytes: 30 },
    pendingWrites: 4,
    failures: { refused: 5 },
    quarantine: { files: 3, bytes: 5000 },
    commitMs: { p50: 800, p99: 2500 },
  };
  await upsertRecorder(pool, { url: 'http://127.0.0.1:1', slots: 200, hostId: hostA, used: 4, seenMs: nowMs, stats });
  const flapper = await api.addCamera({ name: 'flapper' });
  await setCameraState(pool, flapper.id, 'recording', null, nowMs);
  for (let minutes = 20; minutes > 0; minutes -= 4) {
    const endMs = nowMs - minutes * 60_000;
    await claimHole(pool, flapper.id, endMs - 5000, endMs, 'closed', {});
  }
  const { body } = await api.call('GET', '/metrics');
  for (const line of [
    `framekeep_recorder_up{host="${hostA}"} 1`,
    `framekeep_recorder_up{host="${hostB}"} 0`,
    `framekeep_spool_quarantine_files{host="${hostA}"} 3`,
    `framekeep_spool_quarantine_bytes{host="${hostA}"} 5000`,
    `framekeep_recorder_slots{host="${hostA}",use="free"} 196`,
    `framekeep_camera_failures_total{host="${hostA}",reason="refused"} 5`,
    `framekeep_commit_seconds{host="${hostA}",quantile="0.99"} 2.5`,
    `framekeep_spool_bytes{host="${hostA}",kind="used"} 10`,
    `framekeep_backlog_bytes{host="${hostA}"} 9000000`,
    `framekeep_backlog_age_seconds{host="${hostA}"} 600`,
    `framekeep_gaps_open{reason="operator",owner="operator"} 5`,
  ]) {
    expect(body).toContain(line);
  }
  expect(body).toMatch(/framekeep_last_segment_age_seconds\{quantile="1"\} \d/);
  expect(body).not.toContain(`framekeep_backlog_bytes{host="${hostB}"}`);
  const { problems } = (await api.call('GET', '/v1/status')).json<{ problems: object[] }>();
  expect(problems).toContainEqual({
    kind: 'recorder',
    id: hostA,
    name: hostA,
    what: 'has 7 files (9 MB) in its spool that are not committed',
    since: new Date(nowMs - 600_000).toISOString(),
  });
  expect(problems).toContainEqual({
    kind: 'camera',
    id: flapper.id,
    name: 'flapper',
    what: 'flapping: footage came back 5 times in half an hour',
    since: new Date(nowMs - 20 * 60_000).toISOString(),
  });
});

test('cameras that are dead for weeks hide nothing that stands still for all of them since a minute', async () => {
  const { pool } = api.database;
  for (let made = 0; made < 201; made += 1) await makeCamera(pool);
  await pool.query(`update camera set status = 'attention', status_reason = 'auth', status_at = $1`, [
    new Date(t0 - 30 * 24 * 3_600_000),
  ]);
  const { problems } = (await api.call('GET', '/v1/status')).json<{ problems: { kind: string; id: string }[] }>();
  const ofService = problems.filter(({ kind }) => kind !== 'camera');
  expect(ofService.map(({ id }) => id)).toContain('temporal'); // closed above, an hour and more after the cameras died
  expect(problems.slice(0, ofService.length)).toEqual(ofService);
  expect(problems).toHaveLength(ofService.length + 200);
});

import { afterAll, beforeAll, expect, test } from 'vitest';
import { changeIntent } from '../../db/camera-changes.ts';
import { setCameraState } from '../../db/cameras.ts';
import { claimHole, closeGap, openGap, updateOpenGap } from '../../db/gaps.ts';
import { markRecording, takeEpoch } from '../../db/leases.ts';
import { transaction } from '../../db/sql.ts';
import type { Camera } from '../../domain/camera.ts';
import { startApi, type ApiUnderTest } from './api-under-test.ts';
import { backdate } from './committed-footage.ts';
import { clocksAt } from '../db/fixtures.ts';

const t0 = Date.parse('2026-11-17T10:00:00Z');
const hostId = '0199d2c4-0000-7000-8000-00000000000a';
const iso = (ms: number) => new Date(ms).toISOString();
let api: ApiUnderTest;
let camera: Camera;

interface Event {
  at: string;
  kind: string;
  [name: string]: unknown;
}
async function events(query = '', of = camera.id): Promise<Event[]> {
  const answer = await api.call('GET', `/v1/cameras/${of}/events${query}`);
  expect(answer.statusCode).toBe(200);
  return answer.json<{ items: Event[] }>().items;
}

beforeAll(async () => {
  api = await startApi();
  const { pool } = api.database;
  camera = await api.addCamera();
  await backdate(api, camera, t0);
  const epoch = await takeEpoch(pool, camera.id, { hostId, sessionId: 'run-1' });
  await setCameraState(pool, camera.id, 'connecting', null, t0 + 1000);
  await markRecording(pool, camera.id, epoch, { frameMs: t0 + 2000, keySha256: null });
  await closeGap(pool, camera.id, t0 + 2000);
  await setCameraState(pool, camera.id, 'recording', null, t0 + 2000);
  const evidence = { lastError: 'connection reset', attempts: 1, hostId, epoch };
  await openGap(pool, camera.id, { startMs: t0 + 60_000, reason: 'closed', evidence });
  await setCameraState(pool, camera.id, 'reconnecting', 'closed', t0 + 61_000);
  for (const attempts of [2, 3, 4]) {
    await updateOpenGap(pool, camera.id, { reason: 'closed', evidence: { ...evidence, attempts } });
  }
  await updateOpenGap(pool, camera.id, { reason: 'auth', evidence: { ...evidence, attempts: 5, lastError: '401' } });
  await closeGap(pool, camera.id, t0 + 90_000);
  await setCameraState(pool, camera.id, 'recording', null, t0 + 90_000);
});
afterAll(() => api.close());

test('tell the whole story, newest first, whoever wrote the change', async () => {
  const seen = await events();
  expect(seen.map(({ kind }) => kind)).toEqual([
    'state', // recording
    'gap-closed',
    'gap-reason',
    'state', // reconnecting
    'gap-opened',
    'state', // recording
    'gap-closed',
    'first-frame',
    'state', // connecting
    'session',
    'gap-opened', // since the camera was added
  ]);
  expect(seen[0]).toEqual({
    at: iso(t0 + 90_000),
    kind: 'state',
    from: 'reconnecting',
    state: 'recording',
    reason: null,
  });
  expect(seen[9]).toMatchObject({ kind: 'session', epoch: 1, hostId, workflowRunId: 'run-1' });
  expect(seen[7]).toEqual({ at: iso(t0 + 2000), kind: 'first-frame', epoch: 1, hostId });
});

test('a reconnect names what was lost, why, whose fault it was and what was tried', async () => {
  const [, back, reason] = await events();
  expect(back).toEqual({
    at: iso(t0 + 90_000),
    kind: 'gap-closed',
    lostSince: iso(t0 + 60_000),
    reason: 'auth',
    owner: 'operator',
    evidence: { lastError: '401', attempts: 5, hostId, epoch: 1 },
  });
  expect(reason).toMatchObject({ kind: 'gap-reason', reason: 'auth' });
});

test('come in pages and by range', async () => {
  const all = await events();
  const paged: Event[] = [];
  let cursor: string | undefined;
  do {
    const query = `?limit=4${cursor === undefined ? '' : `&cursor=${cursor}`}`;
    const page = (await api.call('GET', `/v1/cameras/${camera.id}/events${query}`)).json<{
      items: Event[];
      nextCursor?: string;
    }>();
    paged.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  expect(paged).toEqual(all);
  const inRange = await events(`?from=${iso(t0 + 60_000)}&to=${iso(t0 + 90_000)}`);
  expect(inRange.map(({ kind }) => kind)).toEqual(['state', 'gap-opened']);
});

test('a change that is rolled back leaves none, a repeated one makes no second', async () => {
  const { pool } = api.database;
  const other = await api.addCamera();
  await setCameraState(pool, other.id, 'connecting', null, t0);
  await setCameraState(pool, other.id, 'connecting', null, t0 + 1);
  await claimHole(pool, other.id, t0, t0 + 1000, 'host-lost', {});
  await claimHole(pool, other.id, t0, t0 + 1000, 'host-lost', {});
  const before = await events('', other.id);
  await expect(
    transaction(pool, async (tx) => {
      await changeIntent(tx, other.id, 'pause', { clocks: clocksAt(t0), graceMs: 0 });
      throw new Error('no');
    }),
  ).rejects.toThrow('no');
  const after = await events('', other.id);
  expect(after).toEqual(before);
  expect(after.filter(({ kind }) => kind === 'state')).toHaveLength(1);
  expect(after.filter(({ reason }) => reason === 'host-lost')).toHaveLength(1);
});

test('an unknown camera is not found', async () => {
  const answer = await api.call('GET', '/v1/cameras/0199d2c4-0000-7000-8000-000000000000/events');
  expect(answer.statusCode).toBe(404);
});

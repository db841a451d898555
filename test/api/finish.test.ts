import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addEncoderStep } from '../../db/encoder-steps.ts';
import { encoderSlots, upsertEncoder } from '../../db/encoders.ts';
import { takeReady } from '../../db/finish-feed.ts';
import { addFailure, park } from '../../db/finish-windows.ts';
import { takeEpoch } from '../../db/leases.ts';
import { upsertRecorder } from '../../db/recorders.ts';
import { insertSegment } from '../../db/segments.ts';
import { segmentOf } from '../db/fixtures.ts';
import { startApi, type ApiUnderTest } from './api-under-test.ts';

const t0 = Date.UTC(2026, 0, 1);
const windowMs = 600_000;
let nowMs = t0;
let api: ApiUnderTest;

beforeAll(async () => {
  api = await startApi({ now: () => nowMs });
});
afterAll(() => api.close());

/** A camera with one committed segment a minute. */
async function cameraWithFootage(minutes: number): Promise<string> {
  const { id } = await api.addCamera();
  const { pool } = api.deps;
  const { rows } = await pool.query<{ id: number }>(`select id from camera where public_id = $1`, [id]);
  const internalId = rows[0]?.id ?? 0;
  await pool.query(`update camera_lease set last_end_at = $2 where camera_id = $1`, [internalId, new Date(t0)]);
  const epoch = await takeEpoch(pool, id, { hostId: randomUUID(), sessionId: null });
  for (let minute = 0; minute < minutes; minute += 1) {
    const segment = segmentOf({ startMs: t0 + minute * 60_000, durationMs: 60_000, epoch });
    expect(await insertSegment(pool, internalId, segment, windowMs)).toBe(true);
  }
  return id;
}

test('profiles are made, changed and deleted; one in use stays, and so does the default', async () => {
  const made = await api.call('POST', '/v1/profiles', { name: 'night', height: 480, fps: 5, canWait: true });
  expect(made.statusCode).toBe(201);
  const profile = made.json<{ id: string }>();
  expect(profile).toMatchObject({ mode: 'auto', height: 480, fps: 5, bitrateKbps: null, canWait: true, waitHours: 24 });
  expect((await api.call('POST', '/v1/profiles', { name: 'night' })).statusCode).toBe(409);

  const changed = await api.call('PATCH', `/v1/profiles/${profile.id}`, { mode: 'encode', bitrateKbps: 500 });
  expect(changed.json()).toMatchObject({ name: 'night', mode: 'encode', height: 480, bitrateKbps: 500 });

  const camera = await api.addCamera();
  await api.deps.pool.query(
    `update camera set profile_id = (select id from profile where name = 'night') where public_id = $1`,
    [camera.id],
  );
  const sound = await api.call('PATCH', `/v1/profiles/${profile.id}`, { audio: 'aac' });
  expect([sound.statusCode, sound.json<{ code: string }>().code]).toEqual([409, 'wrong-state']);
  expect((await api.call('DELETE', `/v1/profiles/${profile.id}`)).statusCode).toBe(409);
  await api.deps.pool.query(`update camera set profile_id = 1 where public_id = $1`, [camera.id]);
  expect((await api.call('DELETE', `/v1/profiles/${profile.id}`)).statusCode).toBe(204);
  expect((await api.call('DELETE', `/v1/profiles/${profile.id}`)).statusCode).toBe(404);

  const { items } = (await api.call('GET', '/v1/profiles')).json<{ items: { id: string; name: string }[] }>();
  const standard = items.find(({ name }) => name === 'standard');
  expect((await api.call('DELETE', `/v1/profiles/${standard?.id}`)).statusCode).toBe(409);
  const wrong = await api.call('POST', '/v1/profiles', { name: 'x', fps: 0, height: 10 });
  const { errors } = wrong.json<{ errors: { path: string }[] }>();
  expect(errors.map(({ path }) => path).toSorted()).toEqual(['fps', 'height']);
});

test('encoders are shown by host, with slots, backlog and metrics', async () => {
  const worker = {
    host: 'a',
    kind: 'x264',
    slots: 2,
    used: 1,
    joinSlots: 4,
    joinUsed: 0,
    ceiling: null,
    ceilingReason: null,
    reason: 'x264: It encoded two frames.',
    spoolHostId: null,
    seenMs: nowMs,
  };
  await upsertEncoder(api.deps.pool, { ...worker, workerId: randomUUID() });
  await upsertEncoder(api.deps.pool, { ...worker, workerId: randomUUID() });
  await upsertEncoder(api.deps.pool, { ...worker, workerId: randomUUID(), host: 'gone', seenMs: nowMs - 20_000 });
  // One driver gives both of them three sessions together.
  const card = { ...worker, host: 'gpu', kind: 'nvenc', slots: 3, ceiling: 3 };
  await upsertEncoder(api.deps.pool, { ...card, workerId: randomUUID() });
  await upsertEncoder(api.deps.pool, { ...card, workerId: randomUUID() });
  await cameraWithFootage(11);
  nowMs = t0 + 12 * 60_000;
  await upsertEncoder(api.deps.pool, {
    ...worker,
    workerId: randomUUID(),
    host: 'b',
    kind: 'none',
    slots: 0,
    seenMs: nowMs,
  });
  const { hosts, queues } = (await api.call('GET', '/v1/encoders')).json<{ hosts: object[]; queues: object[] }>();
  expect(hosts).toMatchObject([{ host: 'b', kind: 'none', slots: 0, workers: 1 }]);
  expect(queues).toEqual([
    { tier: 'critical', waiting: 0, started: 0, parked: 0, ageSeconds: 0 },
    { tier: 'normal', waiting: 1, started: 0, parked: 0, ageSeconds: 120 },
    { tier: 'bulk', waiting: 0, started: 0, parked: 0, ageSeconds: 0 },
  ]);
  nowMs = t0;
  expect((await api.call('GET', '/v1/encoders')).json<{ hosts: object[] }>().hosts).toMatchObject([
    { host: 'a', workers: 2, slots: 4, used: 2 },
    { host: 'b' },
    { host: 'gpu', workers: 2, slots: 3, used: 2, ceiling: 3 },
  ]);
  expect(await encoderSlots(api.deps.pool, nowMs)).toEqual({ encode: 7, join: 20 });
  const metrics = await api.call('GET', '/metrics');
  expect(metrics.body).toMatch(/framekeep_encoder_slots\{host="gpu",kind="nvenc",use="free"\} 1/);
  expect(metrics.body).toMatch(/framekeep_finish_windows\{tier="normal",state="waiting"\} \d/);
  expect(metrics.body).toMatch(/framekeep_finish_queue_age_seconds\{tier="critical"\} 0/);
});

test('what happens to the encoders is listed with its reason, newest first, and counted for a day', async () => {
  const { pool } = api.deps;
  const reason = 'Cannot load libcuda.so.1';
  const step = { host: 'gpu', fromKind: 'nvenc', toKind: 'nvenc', ceiling: null, reason };
  const dayMs = 86_400_000;
  await addEncoderStep(pool, { ...step, kind: 'down', toKind: null, atMs: t0 - 31 * dayMs });
  await addEncoderStep(pool, { ...step, kind: 'down', toKind: 'x264', atMs: t0 - 2 * dayMs });
  await addEncoderStep(pool, { ...step, kind: 'up', fromKind: null, atMs: t0 - 3000 });
  await addEncoderStep(pool, { ...step, kind: 'ceiling-dropped', ceiling: 3, atMs: t0 - 2000 });
  await addEncoderStep(pool, { ...step, kind: 'down', toKind: null, atMs: t0 - 1000 });
  nowMs = t0;
  const { steps } = (await api.call('GET', '/v1/encoders')).json<{ steps: object[] }>();
  expect(steps).toEqual([
    { host: 'gpu', at: '2025-12-31T23:59:59.000Z', kind: 'down', from: 'nvenc', to: null, ceiling: null, reason },
    {
      host: 'gpu',
      at: '2025-12-31T23:59:58.000Z',
      kind: 'ceiling-dropped',
      from: 'nvenc',
      to: 'nvenc',
      ceiling: 3,
      reason,
    },
    { host: 'gpu', at: '2025-12-31T23:59:57.000Z', kind: 'up', from: null, to: 'nvenc', ceiling: null, reason },
    { host: 'gpu', at: '2025-12-30T00:00:00.000Z', kind: 'down', from: 'nvenc', to: 'x264', ceiling: null, reason },
  ]);
  const worker = { kind: 'nvenc', slots: 3, used: 0, joinSlots: 4, joinUsed: 0, reason: '', spoolHostId: null };
  const full = { ceiling: 3, ceilingReason: 'The driver refused a further session at 3.', seenMs: t0 };
  await upsertEncoder(pool, { ...worker, ...full, host: 'gpu', workerId: randomUUID() });
  const { body } = await api.call('GET', '/metrics');
  expect(body).toContain('framekeep_encoder_steps{host="gpu",kind="down"} 1\n');
  expect(body).toContain('framekeep_encoder_steps{host="gpu",kind="ceiling-dropped"} 1\n');
  expect(body).toContain('framekeep_encoder_session_ceiling{host="gpu"} 3\n');
});

test('footage that only recorders hold is told of, with its size and age, also of a host that is away', async () => {
  const { pool } = api.deps;
  nowMs = t0;
  const stats = {
    backlog: { files: 0, bytes: 0, oldestEndMs: null },
    commits: {},
    spool: null,
    pendingWrites: 0,
    failures: {},
    commitMs: null,
  };
  const host = { url: 'http://127.0.0.1:1', slots: 1, used: 0 };
  const [old, first, second] = [randomUUID(), randomUUID(), randomUUID()];
  const held = (files: number, ageMs: number) => ({ files, bytes: files * 1000, oldestStartMs: t0 - ageMs });
  await upsertRecorder(pool, { ...host, hostId: old, seenMs: t0, stats });
  await upsertRecorder(pool, { ...host, hostId: first, seenMs: t0, stats: { ...stats, held: held(3, 40_000) } });
  await upsertRecorder(pool, {
    ...host,
    hostId: second,
    seenMs: t0 - 60_000,
    stats: { ...stats, held: held(2, 90_000) },
  });
  const answer = (await api.call('GET', '/v1/encoders')).json<{ held: object }>();
  expect(answer.held).toEqual({ hosts: 2, files: 5, bytes: 5000, ageSeconds: 90 });
  const { body } = await api.call('GET', '/metrics');
  expect(body).toContain(`framekeep_held_files{host="${first}"} 3\n`);
  expect(body).toContain(`framekeep_held_bytes{host="${second}"} 2000\n`);
  expect(body).toContain(`framekeep_held_age_seconds{host="${second}"} 90\n`);
  expect(body).not.toContain(`framekeep_held_files{host="${old}"}`);
});

test('a parked window is listed with its failures, and goes back to the backlog', async () => {
  const cameraId = await cameraWithFootage(11);
  nowMs = t0 + 30 * 60_000;
  const fed = await takeReady(api.deps.pool, { queue: 'join', nowMs, cheap: true, limit: 100 });
  const window = fed.find((one) => one.cameraId === cameraId && one.windowStartMs === t0);
  if (window === undefined) throw new Error('the window was not fed');
  await addFailure(api.deps.pool, window, { host: 'a', failure: 'bad-source', text: 'no moov', atMs: nowMs });
  await park(api.deps.pool, window);

  const { items } = (await api.call('GET', '/v1/finish-windows')).json<{ items: object[] }>();
  expect(items).toMatchObject([
    {
      cameraId,
      startAt: '2026-01-01T00:00:00.000Z',
      endAt: '2026-01-01T00:10:00.000Z',
      state: 'parked',
      failures: [{ host: 'a', failure: 'bad-source', text: 'no moov', at: '2026-01-01T00:30:00.000Z' }],
    },
  ]);
  const body = { cameraId, startAt: '2026-01-01T00:00:00.000Z' };
  const events = await api.call(
    'GET',
    `/v1/cameras/${cameraId}/events?from=2026-01-01T00:00:00Z&to=2099-01-01T00:00:00Z`,
  );
  expect(events.json<{ items: object[] }>().items).toContainEqual(
    expect.objectContaining({ kind: 'window-parked', startAt: body.startAt, failure: 'bad-source', text: 'no moov' }),
  );
  expect((await api.call('POST', '/v1/finish-windows/retry', body)).statusCode).toBe(204);
  expect((await api.call('POST', '/v1/finish-windows/retry', body)).statusCode).toBe(404);
  const again = await takeReady(api.deps.pool, { queue: 'join', nowMs, cheap: true, limit: 100 });
  expect(again).toMatchObject([{ cameraId, windowStartMs: t0, generation: 2 }]);
});

test('footage is encoded again in bulk: preview, progress, pause, cancel', async () => {
  const cameraId = await cameraWithFootage(30);
  const { pool } = api.deps;
  nowMs = t0 + 60 * 60_000;
  // Finished, as far as the catalogue knows: what still waits for its finish is left to it.
  await pool.query(`update finish_window set state = 'done', finished_at = $1`, [new Date(nowMs)]);
  const made = await api.call('POST', '/v1/profiles', { name: 'archive', mode: 'encode', bitrateKbps: 100 });
  const range = {
    cameraIds: [cameraId],
    profileId: made.json<{ id: string }>().id,
    from: '2026-01-01T00:00:00Z',
    to: '2026-01-01T00:25:00Z',
  };
  const preview = (await api.call('POST', '/v1/reencode/preview', range)).json();
  // 25 minutes of 1 MB a minute become 100 kbit/s.
  expect(preview).toEqual({
    segments: 25,
    hours: 0.417,
    bytes: 25_000_000,
    bytesSaved: 25_000_000 - 18_750_000,
    secondsAtPresentRate: null,
    held: { segments: 0, hours: 0 },
  });
  const job = (await api.call('POST', '/v1/reencode', range)).json<{ id: string }>();
  expect(job).toMatchObject({ state: 'running', windows: 3, done: 0 });
  const feed = () => takeReady(pool, { queue: 'encode', nowMs, cheap: true, limit: 1 });
  const act = (verb: string) => api.call('POST', `/v1/reencode/${job.id}/${verb}`);

  expect((await act('pause')).json()).toMatchObject({ state: 'paused' });
  expect(await feed()).toEqual([]);
  expect((await act('resume')).json()).toMatchObject({ state: 'running' });
  expect(await feed()).toMatchObject([{ cameraId, windowStartMs: t0 }]);
  expect((await act('cancel')).json()).toMatchObject({ state: 'cancelled', windows: 1 });
  expect(await feed()).toEqual([]);
  expect((await act('resume')).statusCode).toBe(409);
  const list = (await api.call('GET', '/v1/reencode')).json<{ items: object[] }>();
  expect(list.items).toMatchObject([{ id: job.id, state: 'cancelled' }]);
});

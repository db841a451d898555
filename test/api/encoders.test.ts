import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addEncoderStep } from '../../db/encoder-steps.ts';
import { encoderSlots, upsertEncoder } from '../../db/encoders.ts';
import { upsertRecorder } from '../../db/recorders.ts';
import { idleFigures } from '../db/fixtures.ts';
import { startApi, type ApiUnderTest } from './api-under-test.ts';
import { cameraWithFootage, t0 } from './finish-site.ts';

let nowMs = t0;
let api: ApiUnderTest;

beforeAll(async () => {
  api = await startApi({ now: () => nowMs });
});
afterAll(() => api.close());

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
  await cameraWithFootage(api, 11);
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
  const host = { url: 'http://127.0.0.1:1', slots: 1, used: 0 };
  const [old, first, second] = [randomUUID(), randomUUID(), randomUUID()];
  const held = (files: number, ageMs: number) => ({ files, bytes: files * 1000, oldestStartMs: t0 - ageMs });
  await upsertRecorder(pool, { ...host, hostId: old, seenMs: t0, stats: idleFigures });
  await upsertRecorder(pool, { ...host, hostId: first, seenMs: t0, stats: { ...idleFigures, held: held(3, 40_000) } });
  await upsertRecorder(pool, {
    ...host,
    hostId: second,
    seenMs: t0 - 60_000,
    stats: { ...idleFigures, held: held(2, 90_000) },
  });
  const answer = (await api.call('GET', '/v1/encoders')).json<{ held: object }>();
  expect(answer.held).toEqual({ hosts: 2, files: 5, bytes: 5000, ageSeconds: 90 });
  const { body } = await api.call('GET', '/metrics');
  expect(body).toContain(`framekeep_held_files{host="${first}"} 3\n`);
  expect(body).toContain(`framekeep_held_bytes{host="${second}"} 2000\n`);
  expect(body).toContain(`framekeep_held_age_seconds{host="${second}"} 90\n`);
  expect(body).not.toContain(`framekeep_held_files{host="${old}"}`);
});

import { afterAll, beforeAll, expect, test } from 'vitest';
import { takeReady } from '../../db/finish-feed.ts';
import { addFailure, park } from '../../db/finish-windows.ts';
import { startApi, type ApiUnderTest } from './api-under-test.ts';
import { cameraWithFootage, t0 } from './finish-site.ts';

let nowMs = t0;
let api: ApiUnderTest;

beforeAll(async () => {
  api = await startApi({ now: () => nowMs });
});
afterAll(() => api.close());

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

test('a parked window is listed with its failures, and goes back to the backlog', async () => {
  const cameraId = await cameraWithFootage(api, 11);
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
  const cameraId = await cameraWithFootage(api, 30);
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

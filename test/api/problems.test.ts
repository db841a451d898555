import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildServer } from '../../api/server.ts';
import { createPool } from '../../db/sql.ts';
import { insertTenant } from '../../db/tenants.ts';
import { createObjects } from '../../storage/objects.ts';
import { startApi, type ApiUnderTest } from './api-under-test.ts';
import { expectProblem, refuse, type WrongRequest } from './expect-problem.ts';

let api: ApiUnderTest;
let cameraId: string;

beforeAll(async () => {
  api = await startApi();
  cameraId = (await api.addCamera({ name: 'Gate 1' })).id;
  await insertTenant(api.database.pool, 'School');
});
afterAll(() => api.close());

const cases: WrongRequest[] = [
  { name: 'no body', method: 'POST', url: '/v1/cameras', status: 400, code: 'invalid-request', says: /object/ },
  {
    name: 'unknown camera',
    method: 'GET',
    url: `/v1/cameras/${randomUUID()}`,
    status: 404,
    code: 'not-found',
    says: /no such camera/,
  },
  { name: 'an id that is none', method: 'GET', url: '/v1/cameras/7', status: 404, code: 'not-found', says: /nothing/ },
  {
    name: 'pause of an unknown camera',
    method: 'POST',
    url: `/v1/cameras/${randomUUID()}/pause`,
    status: 404,
    code: 'not-found',
    says: /camera/,
  },
  {
    name: 'resume of one that records',
    method: 'POST',
    url: () => `/v1/cameras/${cameraId}/resume`,
    status: 409,
    code: 'wrong-state',
    says: /paused/,
  },
  {
    name: 'reactivate of one that is not retired',
    method: 'POST',
    url: () => `/v1/cameras/${cameraId}/reactivate`,
    status: 409,
    code: 'wrong-state',
    says: /retired/,
  },
  {
    name: 'a cursor of another list',
    method: 'GET',
    url: `/v1/cameras?cursor=${Buffer.from('1').toString('base64url')}`,
    status: 400,
    code: 'invalid-cursor',
    says: /nextCursor/,
  },
  {
    name: 'limit of 1001',
    method: 'GET',
    url: '/v1/cameras?limit=1001',
    status: 400,
    code: 'invalid-request',
    says: /1000/,
    path: 'limit',
  },
  {
    name: 'tenant name in use',
    method: 'POST',
    url: '/v1/tenants',
    body: { name: 'School' },
    status: 409,
    code: 'name-taken',
    says: /School/,
  },
  {
    name: 'API key name in use',
    method: 'POST',
    url: '/v1/api-keys',
    body: { name: 'test' },
    status: 409,
    code: 'name-taken',
    says: /test/,
  },
  {
    name: 'unknown API key',
    method: 'DELETE',
    url: `/v1/api-keys/${randomUUID()}`,
    status: 404,
    code: 'not-found',
    says: /API key/,
  },
  {
    name: 'password of an API key',
    method: 'POST',
    url: '/v1/me/password',
    body: { currentPassword: 'x', newPassword: 'long enough 123' },
    status: 403,
    code: 'forbidden',
    says: /API key/,
  },
  { name: 'unknown path', method: 'GET', url: '/v1/sites', status: 404, code: 'not-found', says: /GET \/v1\/sites/ },
  {
    name: 'unknown method',
    method: 'DELETE',
    url: () => `/v1/cameras/${cameraId}`,
    status: 405,
    code: 'method-not-allowed',
    says: /DELETE, only GET, HEAD, PATCH/,
  },
  {
    name: 'path that cannot be decoded',
    method: 'GET',
    url: '/v1/%zz',
    status: 400,
    code: 'invalid-request',
    says: /percent/,
  },
  {
    name: 'a link that is none',
    method: 'GET',
    url: '/m/abc/1-2-3-0-0123456789abcdef.mp4',
    status: 403,
    code: 'link-invalid',
    says: /link/,
  },
];

describe('every wrong request gets a problem document', () => {
  test.each(cases)('$name', (wrong) => refuse(api, wrong));

  test.each([
    ['broken JSON', 'application/json', '{"name": ', 400, 'invalid-request', /JSON/],
    ['a poisoned prototype', 'application/json', '{"__proto__": {"a": 1}}', 400, 'invalid-request', /JSON/],
    ['text', 'text/plain', 'hello', 415, 'unsupported-media-type', /application\/json/],
    ['a form', 'application/x-www-form-urlencoded', 'name=a', 415, 'unsupported-media-type', /application\/json/],
    ['65 kB', 'application/json', JSON.stringify({ name: 'x'.repeat(65 * 1024) }), 413, 'too-large', /64 kB/],
  ] as const)('%s', async (_name, contentType, payload, status, code, says) => {
    const answer = await api.app.inject({
      method: 'POST',
      url: '/v1/cameras',
      headers: { authorization: `Bearer ${api.apiKey}`, 'content-type': contentType },
      payload,
    });
    expectProblem(answer, { status, code, says });
  });
});

test('a time that no answer can show is refused, and lists go on to answer', async () => {
  // "For ever" west of Greenwich lies in the year 10000.
  const beyond = '9999-12-31T23:59:59-05:00';
  const hold = { cameraId, from: '2026-11-01T00:00:00Z', to: '2026-11-02T00:00:00Z', reason: 'theft' };
  const { tenantId } = (await api.call('GET', `/v1/cameras/${cameraId}`)).json<{ tenantId: string }>();
  const wrong = [
    { url: '/v1/holds', body: { ...hold, to: beyond }, path: 'to', says: /between 1970 and the end of 9999/ },
    { url: '/v1/holds', body: { ...hold, until: beyond }, path: 'until', says: /between 1970/ },
    { url: '/v1/holds', body: { ...hold, from: '1970-01-01T00:00:00+01:00' }, path: 'from', says: /between 1970/ },
    { url: '/v1/contracts', body: { tenantId, startsOn: '9999-06-01' }, path: 'startsOn', says: /2000 to 2100/ },
    { url: '/v1/contracts', body: { tenantId, startsOn: '1999-12-31' }, path: 'startsOn', says: /2000 to 2100/ },
  ];
  const status = { status: 400, code: 'invalid-request' };
  for (const { url, body, ...expected } of wrong)
    expectProblem(await api.call('POST', url, body), { ...status, ...expected });
  for (const url of ['/v1/holds', '/v1/contracts']) expect((await api.call('GET', url)).json()).toEqual({ items: [] });

  const last = { ...hold, until: '9999-12-31T23:59:59.999Z' };
  expect((await api.call('POST', '/v1/holds', last)).json()).toMatchObject({ until: last.until });
  expect((await api.call('POST', '/v1/contracts', { tenantId, startsOn: '2100-12-31' })).statusCode).toBe(201);
  for (const url of ['/v1/holds', '/v1/contracts']) expect((await api.call('GET', url)).statusCode).toBe(200);
});

describe('a path that is there', () => {
  test('names the methods it has, whoever asks', async () => {
    const answer = await api.app.inject({ method: 'PUT', url: `/v1/cameras/${cameraId}?a=b` });
    expect([answer.statusCode, answer.headers.allow]).toEqual([405, 'GET, HEAD, PATCH']);
    const file = await api.call('POST', '/.well-known/framekeep-keys.json');
    expect([file.statusCode, file.headers.allow]).toEqual([405, 'GET, HEAD']);
    expect((await api.call('DELETE', '/v1/camerasx')).statusCode).toBe(404);
    expect((await api.call('DELETE', '/m/a/b/c')).statusCode).toBe(404);
  });
});

describe('a part that is away', () => {
  test('makes 503, and says nothing of its address', async () => {
    const pool = createPool('postgres://nobody@127.0.0.1:1/none', { max: 1, applicationName: 'test' });
    const app = await buildServer({ ...api.deps, pool });
    const answer = await app.inject({ url: '/v1/cameras', headers: { authorization: `Bearer ${api.apiKey}` } });
    expectProblem(answer, { status: 503, code: 'unavailable', says: /readyz/ });
    expect(answer.body).not.toContain('127.0.0.1');
    const ready = await app.inject('/readyz');
    expect([ready.statusCode, ready.json<{ database: boolean }>().database]).toEqual([503, false]);
    expect((await app.inject('/healthz')).statusCode).toBe(200);
    await app.close();
    await pool.end();
  });

  test('is the same for the object storage', async () => {
    const objects = createObjects({
      endpoint: 'http://127.0.0.1:1',
      accessKey: 'nobody',
      secretKey: 'nothing-at-all',
      bucket: 'none',
      region: 'us-east-1',
    });
    const app = await buildServer({ ...api.deps, objects });
    const nowMs = api.deps.now();
    const made = await api.call('POST', '/v1/cameras', { name: 'Without storage', url: 'rtsp://192.0.2.1/stream' });
    const { id: own, tenantId } = made.json<{ id: string; tenantId: string }>();
    const claims = { tenantId, cameraId: own, fromMs: nowMs - 10_000, toMs: nowMs, expiresAtMs: nowMs + 60_000 };
    const name = `${nowMs - 5000}-2000-1-0-0123456789abcdef.mp4`;
    const answer = await app.inject(`/m/${api.deps.links.sign(claims)}/${name}`);
    expectProblem(answer, { status: 503, code: 'unavailable', says: /readyz/ });
    await app.close();
    objects.close();
  });
});

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildServer } from '../../api/server.ts';
import { createPool } from '../../db/sql.ts';
import { insertTenant } from '../../db/tenants.ts';
import { createObjects } from '../../storage/objects.ts';
import { startApi, type ApiUnderTest } from './api-under-test.ts';

let api: ApiUnderTest;
let cameraId: string;

beforeAll(async () => {
  api = await startApi();
  cameraId = (await api.addCamera({ name: 'Gate 1' })).id;
  await api.addCamera({ name: 'Gate 2' });
  await api.addCamera({ name: 'Caf\u00e9' });
  await insertTenant(api.database.pool, 'School');
});
afterAll(() => api.close());

interface Case {
  name: string;
  method: string;
  url: string | (() => string);
  body?: unknown;
  status: number;
  code: string;
  /** Must stand in the detail or in one of the errors. */
  says: RegExp;
  path?: string;
}

const camera = (rest: Record<string, unknown>) => ({ name: 'New', url: 'rtsp://192.0.2.7/a', ...rest });
const post = (body: unknown) => ({ method: 'POST', url: '/v1/cameras', body });
const patch = (body: unknown) => ({ method: 'PATCH', url: () => `/v1/cameras/${cameraId}`, body });
const list = (query: string) => ({ method: 'GET', url: () => `/v1/cameras/${cameraId}/${query}` });
const day = (from: string, to: string) => `from=2026-11-${from}T00:00:00Z&to=2026-11-${to}T00:00:00Z`;

const cases: Case[] = [
  {
    name: 'no name',
    ...post({ url: 'rtsp://192.0.2.7/a' }),
    status: 400,
    code: 'invalid-request',
    says: /name/,
    path: 'name',
  },
  {
    name: 'empty name',
    ...post(camera({ name: '  ' })),
    status: 400,
    code: 'invalid-request',
    says: /not be empty/,
    path: 'name',
  },
  {
    name: 'line break in the name',
    ...post(camera({ name: 'a\nb' })),
    status: 400,
    code: 'invalid-request',
    says: /control/,
    path: 'name',
  },
  {
    name: 'unknown field',
    ...post(camera({ color: 1 })),
    status: 400,
    code: 'invalid-request',
    says: /no such field/,
    path: 'color',
  },
  { name: 'no object', ...post([]), status: 400, code: 'invalid-request', says: /object/ },
  { name: 'no body', method: 'POST', url: '/v1/cameras', status: 400, code: 'invalid-request', says: /object/ },
  {
    name: 'wrong tier',
    ...post(camera({ tier: 'best' })),
    status: 400,
    code: 'invalid-request',
    says: /critical/,
    path: 'tier',
  },
  {
    name: 'retention of 0 days',
    ...post(camera({ retentionDays: 0 })),
    status: 400,
    code: 'invalid-request',
    says: /1/,
    path: 'retentionDays',
  },
  {
    name: 'a site',
    ...post(camera({ siteId: randomUUID() })),
    status: 400,
    code: 'invalid-request',
    says: /not available/,
    path: 'siteId',
  },
  {
    name: 'http URL',
    ...post(camera({ url: 'http://192.0.2.7/a' })),
    status: 400,
    code: 'invalid-camera-url',
    says: /rtsp:/,
    path: 'url',
  },
  {
    name: 'file URL',
    ...post(camera({ url: 'file:///etc/passwd' })),
    status: 400,
    code: 'invalid-camera-url',
    says: /rtsp:/,
    path: 'url',
  },
  {
    name: 'hidden loopback',
    ...post(camera({ url: 'rtsp://0x7f.1/a' })),
    status: 400,
    code: 'invalid-camera-url',
    says: /ambiguous/,
    path: 'url',
  },
  {
    name: 'no host',
    ...post(camera({ url: 'rtsp:///a' })),
    status: 400,
    code: 'invalid-camera-url',
    says: /host/,
    path: 'url',
  },
  {
    name: 'name in use, in other letters',
    ...post(camera({ name: 'Cafe\u0301' })),
    status: 409,
    code: 'name-taken',
    says: /Caf\u00e9/,
  },
  { name: 'name in use', ...post(camera({ name: 'Gate 1' })), status: 409, code: 'name-taken', says: /Gate 1/ },
  {
    name: 'unknown tenant',
    ...post(camera({ tenantId: randomUUID() })),
    status: 404,
    code: 'not-found',
    says: /tenant/,
  },
  {
    name: 'unknown profile',
    ...post(camera({ profileId: randomUUID() })),
    status: 404,
    code: 'not-found',
    says: /profile/,
  },
  { name: 'renamed to one in use', ...patch({ name: 'Gate 2' }), status: 409, code: 'name-taken', says: /Gate 2/ },
  { name: 'no change', ...patch({}), status: 400, code: 'invalid-request', says: /at least one/ },
  {
    name: 'changed to a bad URL',
    ...patch({ url: 'rtsp://a b/' }),
    status: 400,
    code: 'invalid-camera-url',
    says: /host/,
    path: 'url',
  },
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
  { name: 'no range', ...list('gaps'), status: 400, code: 'invalid-request', says: /ISO 8601/, path: 'from' },
  {
    name: 'nonsense time',
    ...list('gaps?from=yesterday&to=2026-11-02T00:00:00Z'),
    status: 400,
    code: 'invalid-request',
    says: /2026-11-17T11:20:05.000Z/,
    path: 'from',
  },
  {
    name: 'time without offset',
    ...list('gaps?from=2026-11-01T00:00:00&to=2026-11-02T00:00:00Z'),
    status: 400,
    code: 'invalid-request',
    says: /offset/,
    path: 'from',
  },
  {
    name: 'day that is none',
    ...list('gaps?from=2026-02-30T00:00:00Z&to=2026-11-02T00:00:00Z'),
    status: 400,
    code: 'invalid-request',
    says: /ISO 8601/,
    path: 'from',
  },
  { name: 'from after to', ...list(`segments?${day('02', '01')}`), status: 400, code: 'invalid-range', says: /before/ },
  { name: 'empty range', ...list(`coverage?${day('02', '02')}`), status: 400, code: 'invalid-range', says: /before/ },
  {
    name: '32 days of segments',
    ...list('segments?from=2026-10-01T00:00:00Z&to=2026-11-02T00:00:00Z'),
    status: 400,
    code: 'range-too-long',
    says: /31 days/,
  },
  {
    name: '32 days of gaps',
    ...list('gaps?from=2026-10-01T00:00:00Z&to=2026-11-02T00:00:00Z'),
    status: 400,
    code: 'range-too-long',
    says: /31 days/,
  },
  {
    name: '25 hours of playlist',
    ...list('playlist.m3u8?from=2026-11-01T00:00:00Z&to=2026-11-02T01:00:00Z'),
    status: 400,
    code: 'range-too-long',
    says: /24 hours/,
  },
  {
    name: 'nothing to play',
    ...list(`playlist.m3u8?${day('01', '02')}`),
    status: 404,
    code: 'no-footage',
    says: /no footage/i,
  },
  {
    name: 'unknown query parameter',
    ...list(`gaps?${day('01', '02')}&form=x`),
    status: 400,
    code: 'invalid-request',
    says: /no such field/,
    path: 'form',
  },
  {
    name: 'a cursor made by hand',
    ...list(`segments?${day('01', '02')}&cursor=abc`),
    status: 400,
    code: 'invalid-cursor',
    says: /nextCursor/,
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
    status: 404,
    code: 'not-found',
    says: /DELETE/,
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

function expectProblem(
  answer: Awaited<ReturnType<ApiUnderTest['call']>>,
  expected: Pick<Case, 'status' | 'code' | 'says' | 'path'>,
): void {
  const problem = answer.json<{ detail: string; errors?: { path: string; message: string }[] }>();
  expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
  expect(answer.headers['cache-control']).toBe('no-store');
  expect(problem).toMatchObject({
    type: `urn:framekeep:problem:${expected.code}`,
    title: expect.any(String) as string,
    status: expected.status,
    code: expected.code,
    instance: expect.stringMatching(/^urn:uuid:/) as string,
  });
  expect(answer.statusCode).toBe(expected.status);
  expect([problem.detail, ...(problem.errors ?? []).map(({ message }) => message)].join('\n')).toMatch(expected.says);
  if (expected.path !== undefined) expect(problem.errors?.map(({ path }) => path)).toContain(expected.path);
}

describe('every wrong request gets a problem document', () => {
  test.each(cases)('$name', async ({ method, url, body, ...expected }) => {
    expectProblem(await api.call(method, typeof url === 'string' ? url : url(), body), expected);
  });

  test('footage that would be stored as its final only', async () => {
    expectProblem(await api.call('POST', '/v1/profiles', { name: 'final', durable: 'final' }), {
      status: 400,
      code: 'profile-not-available',
      says: /not available yet/,
      path: 'durable',
    });
  });

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

  test('all wrong fields at once', async () => {
    const answer = await api.call('POST', '/v1/cameras', { name: '', tier: 'x', color: 1 });
    const { errors } = answer.json<{ errors: { path: string }[] }>();
    expect(errors.map(({ path }) => path).toSorted()).toEqual(['color', 'name', 'tier', 'url']);
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
    const { id: cameraId, tenantId } = made.json<{ id: string; tenantId: string }>();
    const claims = { tenantId, cameraId, fromMs: nowMs - 10_000, toMs: nowMs, expiresAtMs: nowMs + 60_000 };
    const name = `${nowMs - 5000}-2000-1-0-0123456789abcdef.mp4`;
    const answer = await app.inject(`/m/${api.deps.links.sign(claims)}/${name}`);
    expectProblem(answer, { status: 503, code: 'unavailable', says: /readyz/ });
    await app.close();
    objects.close();
  });
});

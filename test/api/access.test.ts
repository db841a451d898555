import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hashPassword } from '../../security/password.ts';
import { insertFirstAccount } from '../../db/accounts.ts';
import { startApi, type ApiUnderTest } from './api-under-test.ts';
import { registeredRoutes, type RegisteredRoute } from './registered-routes.ts';

/** All that anyone may ask without a login. */
const publicRoutes = [
  'GET /',
  'HEAD /',
  'GET /*',
  'HEAD /*',
  'GET /healthz',
  'HEAD /healthz',
  'GET /readyz',
  'HEAD /readyz',
  'POST /v1/login',
  'GET /.well-known/framekeep-keys.json',
  'HEAD /.well-known/framekeep-keys.json',
  'GET /m/:token/:name',
  'HEAD /m/:token/:name',
];

const origin = 'http://console.test';
let api: ApiUnderTest;
let webDir: string;
const routes: RegisteredRoute[] = [];

beforeAll(async () => {
  webDir = await mkdtemp(join(tmpdir(), 'framekeep-web-'));
  api = await startApi({ webDir });
  routes.push(...registeredRoutes(api.app));
  const passwordHash = await hashPassword('correct horse battery');
  await insertFirstAccount(api.database.pool, { login: 'admin', passwordHash });
});
afterAll(async () => {
  await api.close();
  await rm(webDir, { recursive: true });
});

const concrete = (url: string) =>
  url.replaceAll(/:(\w+)/g, '0199d2c4-0000-7000-8000-000000000000').replace('*', 'static/swagger-ui.css');

async function logIn(): Promise<string> {
  const answer = await api.app.inject({
    method: 'POST',
    url: '/v1/login',
    headers: { host: 'console.test', origin },
    payload: { login: 'admin', password: 'correct horse battery' },
  });
  expect(answer.statusCode).toBe(200);
  const cookie = answer.cookies[0];
  expect(cookie).toMatchObject({ name: 'framekeep_session', httpOnly: true, sameSite: 'Lax', path: '/' });
  return `framekeep_session=${cookie?.value}`;
}

describe('every route', () => {
  test('is found', () => {
    expect(routes.length).toBeGreaterThan(40);
    const names = routes.map(({ method, url }) => `${method} ${url}`);
    expect(names).toContain('POST /v1/cameras/:id/pause');
    expect(names).toEqual(expect.arrayContaining(publicRoutes));
  });

  test('needs a login, unless it is on the list of public ones', async () => {
    for (const { method, url } of routes) {
      const answer = await api.app.inject({ method: method as 'GET', url: concrete(url) });
      const isPublic = publicRoutes.includes(`${method} ${url}`);
      expect([`${method} ${url}`, answer.statusCode === 401]).toEqual([`${method} ${url}`, !isPublic]);
      if (!isPublic && method !== 'HEAD') {
        expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
        expect(answer.headers['www-authenticate']).toMatch(/^Bearer/);
      }
    }
  });

  test('refuses an unknown API key and a header that is none', async () => {
    for (const authorization of ['Bearer nonsense-nonsense', 'Basic YWRtaW46YWRtaW4=', 'Bearer']) {
      const answer = await api.app.inject({ url: '/v1/me', headers: { authorization } });
      expect(answer.statusCode).toBe(401);
      expect(answer.json()).toMatchObject({ code: 'unauthenticated' });
    }
  });

  test('carries the security headers', async () => {
    for (const url of ['/healthz', '/v1/cameras', '/nothing', '/m/x/y']) {
      const { headers } = await api.app.inject({ url });
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['content-security-policy']).toContain(`frame-ancestors 'none'`);
      expect(headers['content-security-policy']).toContain(`media-src 'self' blob:`);
    }
  });
});

describe('a login by cookie', () => {
  test('reads everything, from any page of ours', async () => {
    const cookie = await logIn();
    const me = await api.app.inject({ url: '/v1/me', headers: { cookie } });
    expect(me.json()).toMatchObject({ kind: 'account', name: 'admin', role: 'operator' });
  });

  test.each([
    ['another site says so itself', { 'sec-fetch-site': 'cross-site' }, 403],
    ['a sibling of our domain', { 'sec-fetch-site': 'same-site', origin: 'http://evil.console.test' }, 403],
    ['an old browser, another origin', { origin: 'http://evil.test' }, 403],
    ['an old browser, opaque origin', { origin: 'null' }, 403],
    ['neither header', {}, 403],
    ['our own page', { 'sec-fetch-site': 'same-origin', origin }, 204],
    ['our own page in an old browser', { origin }, 204],
  ])('changes something only from our own pages: %s', async (_case, headers, status) => {
    const cookie = await logIn();
    const answer = await api.app.inject({
      method: 'POST',
      url: '/v1/logout',
      headers: { host: 'console.test', cookie, ...headers },
    });
    expect(answer.statusCode).toBe(status);
  });

  test('is over after logout', async () => {
    const cookie = await logIn();
    const headers = { host: 'console.test', origin, cookie };
    expect((await api.app.inject({ method: 'POST', url: '/v1/logout', headers })).statusCode).toBe(204);
    expect((await api.app.inject({ url: '/v1/me', headers })).statusCode).toBe(401);
  });
});

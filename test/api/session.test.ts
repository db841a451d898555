import { access, readFile, stat } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { adminPasswordPath, prepareFirstStart } from '../../api/first-start.ts';
import { auditList } from '../../api/schemas/audit.ts';
import { startApi, type ApiUnderTest } from './api-under-test.ts';

const headers = { host: 'console.test', origin: 'http://console.test' };
let api: ApiUnderTest;
let firstPassword: string;
let nowMs = Date.parse('2026-11-17T10:00:00Z');

beforeAll(async () => {
  api = await startApi({ now: () => nowMs });
  await prepareFirstStart(api.database.pool, { ...api.deps, bootstrapApiKey: 'bootstrap-key-0001' });
  firstPassword = (await readFile(adminPasswordPath(api.deps.dataDir), 'utf8')).trim();
});
afterAll(() => api.close());

let addresses = 0;
/** From an address of its own, so that the rate limit does not count it with others. */
async function logIn(login: string, password: string, more: Record<string, string> = {}) {
  addresses += 1;
  const answer = await api.app.inject({
    method: 'POST',
    url: '/v1/login',
    headers: { ...headers, ...more },
    remoteAddress: `192.0.2.${addresses}`,
    payload: { login, password },
  });
  const cookie = answer.cookies[0];
  return { answer, cookie, headers: { ...headers, cookie: `framekeep_session=${cookie?.value ?? ''}` } };
}

describe('the first start', () => {
  test('makes the account admin with a password only the owner may read', async () => {
    expect(firstPassword.length).toBeGreaterThan(20);
    expect((await stat(adminPasswordPath(api.deps.dataDir))).mode & 0o777).toBe(0o600);
    expect((await logIn('admin', firstPassword)).answer.statusCode).toBe(200);
  });

  test('makes the bootstrap API key, and a new value replaces the old one', async () => {
    const status = async (key: string) =>
      (await api.app.inject({ url: '/v1/me', headers: { authorization: `Bearer ${key}` } })).statusCode;
    expect(await status('bootstrap-key-0001')).toBe(200);
    const options = { ...api.deps, bootstrapApiKey: 'bootstrap-key-0002' };
    await prepareFirstStart(api.database.pool, options);
    await prepareFirstStart(api.database.pool, options);
    expect(await status('bootstrap-key-0001')).toBe(401);
    expect(await status('bootstrap-key-0002')).toBe(200);
    const log = await api.app.inject({ url: '/v1/audit', headers: { authorization: 'Bearer bootstrap-key-0002' } });
    const deeds = auditList.parse(log.json()).items.filter(({ action }) => action.startsWith('api-key.'));
    const made = {
      actor: 'service:first-start',
      action: 'api-key.add',
      after: { name: 'bootstrap', role: 'operator' },
    };
    const first = deeds.at(-1)?.after;
    expect(deeds).toMatchObject([made, { action: 'api-key.remove', before: first }, made]);
    expect(log.body).not.toContain('bootstrap-key-');
  });

  test('changes nothing when there is an account', async () => {
    await prepareFirstStart(api.database.pool, { ...api.deps, bootstrapApiKey: undefined });
    expect((await readFile(adminPasswordPath(api.deps.dataDir), 'utf8')).trim()).toBe(firstPassword);
    const { rows } = await api.database.pool.query('select from account');
    expect(rows).toHaveLength(1);
  });

  test('of processes that start together makes one account, whose password is the one in the file', async () => {
    const other = await startApi();
    const options = { ...other.deps, bootstrapApiKey: 'bootstrap-key-0001' };
    await Promise.all([1, 2, 3].map(() => prepareFirstStart(other.database.pool, options)));
    const password = (await readFile(adminPasswordPath(other.deps.dataDir), 'utf8')).trim();
    const payload = { login: 'admin', password };
    expect((await other.app.inject({ method: 'POST', url: '/v1/login', payload })).statusCode).toBe(200);
    const next = { ...options, bootstrapApiKey: 'bootstrap-key-0002' };
    await Promise.all([1, 2, 3].map(() => prepareFirstStart(other.database.pool, next)));
    const { items } = auditList.parse((await other.call('GET', '/v1/audit')).json());
    const [made, gone] = ['api-key.add', 'api-key.remove'];
    expect(items.map(({ action }) => action).filter((action) => action !== 'account.login')).toEqual([
      made,
      gone,
      made,
      'account.add',
    ]);
    await other.close();
  });
});

describe('a login', () => {
  test('with a wrong password or an unknown name is refused in the same words', async () => {
    const wrong = (await logIn('admin', 'wrong')).answer;
    const unknown = (await logIn('nobody', 'wrong')).answer;
    expect([wrong.statusCode, unknown.statusCode]).toEqual([401, 401]);
    const told = (answer: typeof wrong) => ({ ...answer.json<object>(), instance: '' });
    expect(told(wrong)).toEqual(told(unknown));
    expect(wrong.json()).toMatchObject({ code: 'wrong-login' });
  });

  test('is kept as a hash', async () => {
    const { cookie } = await logIn('admin', firstPassword);
    const { rows } = await api.database.pool.query(`select encode(token_sha256, 'escape') as kept from login_session`);
    expect(JSON.stringify(rows)).not.toContain(cookie?.value ?? 'nothing');
  });

  test('has a secure cookie behind TLS', async () => {
    expect((await logIn('admin', firstPassword)).cookie).not.toHaveProperty('secure');
    const answer = await api.app.inject({
      method: 'POST',
      url: '/v1/login',
      headers: { ...headers, origin: 'https://console.test', 'x-forwarded-proto': 'https' },
      remoteAddress: '127.0.0.1',
      payload: { login: 'admin', password: firstPassword },
    });
    expect(answer.cookies[0]).toMatchObject({ secure: true, httpOnly: true, sameSite: 'Lax' });
  });

  test('from another site is refused', async () => {
    expect((await logIn('admin', firstPassword, { origin: 'http://evil.test' })).answer.statusCode).toBe(403);
  });

  test('is over after a month', async () => {
    const session = await logIn('admin', firstPassword);
    const before = nowMs;
    nowMs += 30 * 24 * 3600 * 1000 - 1;
    expect((await api.app.inject({ url: '/v1/me', headers: session.headers })).statusCode).toBe(200);
    nowMs += 1;
    expect((await api.app.inject({ url: '/v1/me', headers: session.headers })).statusCode).toBe(401);
    nowMs = before;
  });

  test('is limited to ten tries a minute and address', async () => {
    const tries = [];
    for (let i = 0; i < 11; i += 1) {
      tries.push(
        await api.app.inject({
          method: 'POST',
          url: '/v1/login',
          headers,
          remoteAddress: '198.51.100.1',
          payload: { login: 'admin', password: `guess ${i}` },
        }),
      );
    }
    expect(tries.slice(0, 10).map(({ statusCode }) => statusCode)).toEqual(Array(10).fill(401));
    expect(tries[10]?.statusCode).toBe(429);
    expect(tries[10]?.json()).toMatchObject({ code: 'too-many-requests', status: 429 });
    expect(tries[10]?.headers).toHaveProperty('retry-after');
  });
});

test('a change of password ends the other sessions and removes the first password', async () => {
  const mine = await logIn('admin', firstPassword);
  const other = await logIn('admin', firstPassword);
  const change = (currentPassword: string, newPassword: string) =>
    api.app.inject({
      method: 'POST',
      url: '/v1/me/password',
      headers: mine.headers,
      remoteAddress: '203.0.113.1',
      payload: { currentPassword, newPassword },
    });
  expect((await change('wrong', 'a new password')).json()).toMatchObject({ code: 'wrong-login' });
  expect((await change(firstPassword, 'short')).json()).toMatchObject({ errors: [{ path: 'newPassword' }] });
  expect((await change(firstPassword, 'a new password')).statusCode).toBe(204);
  expect((await api.app.inject({ url: '/v1/me', headers: mine.headers })).statusCode).toBe(200);
  expect((await api.app.inject({ url: '/v1/me', headers: other.headers })).statusCode).toBe(401);
  expect((await logIn('admin', firstPassword)).answer.statusCode).toBe(401);
  expect((await logIn('admin', 'a new password')).answer.statusCode).toBe(200);
  await expect(access(adminPasswordPath(api.deps.dataDir))).rejects.toThrow('ENOENT');
});

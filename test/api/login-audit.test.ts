import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { adminPasswordPath, prepareFirstStart } from '../../api/first-start.ts';
import { auditList } from '../../api/schemas/audit.ts';
import { startApi, type ApiUnderTest } from './api-under-test.ts';

let api: ApiUnderTest;
let password: string;
let nowMs = Date.UTC(2026, 10, 17, 10);
beforeAll(async () => {
  api = await startApi({ now: () => nowMs });
  await prepareFirstStart(api.database.pool, { ...api.deps, bootstrapApiKey: undefined });
  password = (await readFile(adminPasswordPath(api.deps.dataDir), 'utf8')).trim();
});
afterAll(() => api.close());

function logIn(payload: { login: string; password: string }, remoteAddress: string) {
  return api.app.inject({ method: 'POST', url: '/v1/login', remoteAddress, payload });
}

/** Oldest first. */
async function deeds(): Promise<{ actor: string; action: string; after: unknown }[]> {
  const { items } = auditList.parse((await api.call('GET', '/v1/audit?limit=1000')).json());
  return items.map(({ actor, action, after }) => ({ actor, action, after })).toReversed();
}

test('the first account, logins, refusals, lockouts and logouts are in the log; guesses do not fill it', async () => {
  const session = await logIn({ login: 'admin', password }, '192.0.2.1');
  const cookie = `framekeep_session=${session.cookies[0]?.value ?? ''}`;
  for (let i = 0; i < 2; i += 1) {
    await api.app.inject({
      method: 'POST',
      url: '/v1/logout',
      headers: { cookie, host: 'a.test', origin: 'http://a.test' },
    });
  }
  for (let i = 0; i < 14; i += 1) await logIn({ login: 'admin', password: `guess ${i}` }, '192.0.2.2');
  await logIn({ login: 'hunter2secret', password: 'x' }, '192.0.2.3');
  await logIn({ login: 'hunter3secret', password: 'x' }, '192.0.2.3');
  const first = [
    { actor: 'service:first-start', action: 'account.add', after: { login: 'admin' } },
    { actor: 'account:admin', action: 'account.login', after: { address: '192.0.2.1' } },
    { actor: 'account:admin', action: 'account.logout', after: null },
    { actor: 'service:login', action: 'account.refuse', after: { address: '192.0.2.2', login: 'admin' } },
    { actor: 'service:login', action: 'account.lockout', after: { address: '192.0.2.2' } },
    // Of two unknown logins of one address one; what was typed is not kept.
    { actor: 'service:login', action: 'account.refuse', after: { address: '192.0.2.3', login: null } },
  ];
  expect(await deeds()).toEqual(first);

  nowMs += 3_600_000;
  await logIn({ login: 'admin', password: 'guess' }, '192.0.2.4');
  expect((await deeds()).slice(first.length)).toEqual([
    { actor: 'service:login', action: 'account.refuse', after: { address: '192.0.2.4', login: 'admin' } },
  ]);
  const { rows } = await api.database.pool.query(`select body from audit_entry`);
  expect(JSON.stringify(rows)).not.toMatch(/hunter|guess/);
});

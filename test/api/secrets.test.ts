import fc from 'fast-check';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { redact } from '../../domain/redact.ts';
import { startApi, type ApiUnderTest } from './api-under-test.ts';
import { registeredRoutes } from './registered-routes.ts';

/** Letters that stand nowhere else, so that finding one is finding a secret. */
const secret = 'Zq9Xw7Vk3';
let api: ApiUnderTest;
let cameraId: string;
let firstAnswer: string;
const logged: string[] = [];

beforeAll(async () => {
  // As log.ts makes it, but into memory and with every level on.
  const stream = { write: (line: string) => logged.push(line) };
  const log = pino(
    {
      level: 'trace',
      hooks: {
        logMethod(args, method) {
          method.apply(this, args.map((arg) => (typeof arg === 'string' ? redact(arg) : arg)) as typeof args);
        },
      },
    },
    stream,
  );
  api = await startApi({ log });
  const url = `rtsp://admin:${secret}@192.0.2.7/live?password=${secret}`;
  const made = await api.call('POST', '/v1/cameras', { name: 'Gate', url });
  firstAnswer = made.body;
  cameraId = made.json<{ id: string }>().id;
});
afterAll(() => api.close());

test('no answer of any route holds a camera login', async () => {
  expect(firstAnswer).toContain(cameraId);
  expect(firstAnswer).not.toContain(secret);
  let answered = 0;
  for (const { method, url } of registeredRoutes(api.app)) {
    if (method !== 'GET') continue;
    const range = /segments|gaps|coverage|playlist/.test(url)
      ? `?from=${new Date(Date.now() - 3_600_000).toISOString()}&to=${new Date().toISOString()}`
      : '';
    const answer = await api.call('GET', url.replace(':id', cameraId) + range);
    expect(answer.body).not.toContain(secret);
    answered += answer.statusCode === 200 ? 1 : 0;
  }
  expect(answered).toBeGreaterThan(14);
});

test('no refusal repeats what it refuses', async () => {
  const pieces = fc.constantFrom(
    'rtsp://',
    'rtsps://',
    'http://',
    '@',
    ':',
    '/',
    '?',
    '#',
    '[',
    ' ',
    '%',
    '192.0.2.7',
    ':99999',
  );
  await fc.assert(
    fc.asyncProperty(fc.array(pieces, { maxLength: 4 }), fc.array(pieces, { maxLength: 4 }), async (before, after) => {
      const url = `${before.join('')}u:${secret}${after.join('')}`;
      const answer = await api.call('PATCH', `/v1/cameras/${cameraId}`, { url, color: 1 });
      expect([url, answer.statusCode, answer.body.includes(secret)]).toEqual([url, 400, false]);
      // A name in use: only the URL's own check can refuse the rest.
      const other = await api.call('POST', '/v1/cameras', { name: 'Gate', url });
      expect([url, other.statusCode >= 400, other.body.includes(secret)]).toEqual([url, true, false]);
    }),
    { numRuns: 60 },
  );
});

test('broken JSON with a login in it is not quoted', async () => {
  const answer = await api.app.inject({
    method: 'POST',
    url: '/v1/cameras',
    headers: { authorization: `Bearer ${api.apiKey}`, 'content-type': 'application/json' },
    payload: `{"url": "rtsp://u:${secret}@h/" "name"`,
  });
  expect(answer.statusCode).toBe(400);
  expect(answer.body).not.toContain(secret);
});

test('a fault of the service hides its cause in the answer and logs it under the request id', async () => {
  const { pool } = api.database;
  await pool.query('alter table profile rename to profile_away');
  const answer = await api.call('GET', '/v1/profiles');
  await pool.query('alter table profile_away rename to profile');
  expect(answer.statusCode).toBe(500);
  const problem = answer.json<{ code: string; detail: string; instance: string }>();
  expect(problem.code).toBe('internal');
  expect(answer.body).not.toMatch(/relation|profile|select/);
  const id = problem.instance.replace('urn:uuid:', '');
  expect(logged.some((line) => line.includes(id) && line.includes('relation'))).toBe(true);
});

test('the log holds no login, no key, no media token and no session', async () => {
  await api.app.inject('/m/tokentokentoken/1-2-3-4-0123456789abcdef.mp4');
  await api.app.inject({ url: '/v1/me', headers: { cookie: 'framekeep_session=cookiecookie' } });
  const text = logged.join('\n');
  expect(text).toContain('/m/:token/:name');
  for (const word of [secret, api.apiKey, 'tokentokentoken', 'cookiecookie']) expect(text).not.toContain(word);
});

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startApi, type ApiUnderTest } from './api-under-test.ts';
import { refuse, type WrongRequest } from './expect-problem.ts';

let api: ApiUnderTest;
let cameraId: string;

beforeAll(async () => {
  api = await startApi();
  cameraId = (await api.addCamera({ name: 'Gate 1' })).id;
  await api.addCamera({ name: 'Gate 2' });
  await api.addCamera({ name: 'Caf\u00e9' });
});
afterAll(() => api.close());

const camera = (rest: Record<string, unknown>) => ({ name: 'New', url: 'rtsp://192.0.2.7/a', ...rest });
const post = (body: unknown) => ({ method: 'POST', url: '/v1/cameras', body });
const patch = (body: unknown) => ({ method: 'PATCH', url: () => `/v1/cameras/${cameraId}`, body });
/** A camera's address that is refused, on both ways in. */
const addresses: [name: string, url: string, says: RegExp][] = [
  ['loopback', 'rtsp://127.0.0.1/a', /networks/],
  ['loopback in IPv6', 'rtsp://[::1]:8554/a', /networks/],
  ['loopback inside an IPv6 address', 'rtsp://[::ffff:127.0.0.1]/a', /networks/],
  ['the metadata service', 'rtsp://169.254.169.254/latest', /networks/],
  ['link-local', 'rtsp://[fe80::1]/a', /networks/],
];

const cases: WrongRequest[] = [
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
  ...addresses.flatMap(([name, url, says]) => [
    { name, ...post(camera({ url })), status: 400, code: 'invalid-camera-url', says, path: 'url' },
    { name: `changed to ${name}`, ...patch({ url }), status: 400, code: 'invalid-camera-url', says, path: 'url' },
    {
      name: `${name} as substream`,
      ...post(camera({ substreamUrl: url })),
      status: 400,
      code: 'invalid-camera-url',
      says,
      path: 'substreamUrl',
    },
  ]),
];

test.each(cases)('$name', (wrong) => refuse(api, wrong));

test('all wrong fields at once', async () => {
  const answer = await api.call('POST', '/v1/cameras', { name: '', tier: 'x', color: 1 });
  const { errors } = answer.json<{ errors: { path: string }[] }>();
  expect(errors.map(({ path }) => path).toSorted()).toEqual(['color', 'name', 'tier', 'url']);
});

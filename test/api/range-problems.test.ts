import { afterAll, beforeAll, expect, test } from 'vitest';
import { startApi, type ApiUnderTest } from './api-under-test.ts';
import { refuse, type WrongRequest } from './expect-problem.ts';

let api: ApiUnderTest;
let cameraId: string;

beforeAll(async () => {
  api = await startApi();
  cameraId = (await api.addCamera({ name: 'Gate 1' })).id;
});
afterAll(() => api.close());

const list = (query: string) => ({ method: 'GET', url: () => `/v1/cameras/${cameraId}/${query}` });
const day = (from: string, to: string) => `from=2026-11-${from}T00:00:00Z&to=2026-11-${to}T00:00:00Z`;

const cases: WrongRequest[] = [
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
];

test.each(cases)('$name', (wrong) => refuse(api, wrong));

test.each(['2026-11-01T10:00Z', '2026-11-01T13:00+03:00', '2026-11-01T10:00:00.5Z'])(
  'takes %s as a time',
  async (from) => {
    const query = new URLSearchParams({ from, to: '2026-11-02T00:00Z' });
    expect((await api.call('GET', `/v1/cameras/${cameraId}/gaps?${query.toString()}`)).statusCode).toBe(200);
  },
);

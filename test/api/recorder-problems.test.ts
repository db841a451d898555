import { afterAll, beforeAll, expect, test } from 'vitest';
import { takeEpoch } from '../../db/leases.ts';
import { declareDestroyed } from '../../db/purge-spools.ts';
import { noteWaiting, upsertRecorder } from '../../db/recorders.ts';
import { transaction } from '../../db/sql.ts';
import { idleFigures, makeCamera } from '../db/fixtures.ts';
import { startApi, type ApiUnderTest } from './api-under-test.ts';

const hostA = '0199d2c4-0000-7000-8000-00000000000a';
const hostB = '0199d2c4-0000-7000-8000-00000000000b';
let nowMs = Date.parse('2026-11-17T12:00:00Z');
let api: ApiUnderTest;

beforeAll(async () => {
  api = await startApi({ now: () => nowMs, databaseNow: async () => nowMs });
  const { pool } = api.database;
  await takeEpoch(pool, (await makeCamera(pool)).id, { hostId: hostB, sessionId: null });
  await upsertRecorder(pool, { url: 'http://127.0.0.1:1', slots: 200, hostId: hostB, used: 1, seenMs: nowMs - 21_000 });
});
afterAll(() => api.close());

test('a backlog that fails to be committed is told of after half a minute, with the reason', async () => {
  const { pool } = api.database;
  const told = async (sinceMs: number) => {
    const stats = {
      ...idleFigures,
      backlog: { files: 2, bytes: 5_000_000, oldestEndMs: sinceMs },
      commitError: { text: 'AccessDenied: This key may not write.', sinceMs },
    };
    await upsertRecorder(pool, { url: 'http://127.0.0.1:1', slots: 200, used: 4, hostId: hostA, seenMs: nowMs, stats });
    const { problems } = (await api.call('GET', '/v1/status')).json<{ problems: { id: string; detail?: string }[] }>();
    return problems.filter(({ id }) => id === hostA).map(({ detail }) => detail);
  };
  expect(await told(nowMs - 29_000)).toEqual([]);
  expect(await told(nowMs - 31_000)).toEqual(['The newest try failed: AccessDenied: This key may not write.']);
});

test('a spool whose disk is missing or bad is a problem with what to do, until its recorder says otherwise', async () => {
  const { pool } = api.database;
  const unknown = '0199d2c4-0000-7000-8000-00000000000c';
  const waits = { for: 'The spool /disk is not there: mount its disk.', sinceMs: nowMs - 60_000 };
  // The second is known and held cameras; the third has never been seen.
  for (const hostId of [hostB, unknown]) await noteWaiting(pool, hostId, { ...waits, nowMs: nowMs - 4000 });
  const stats = {
    ...idleFigures,
    unreadable: { files: 2, oldestStartMs: nowMs - 90_000 },
  };
  const recorder = { url: 'http://127.0.0.1:1', slots: 200, used: 4 };
  await upsertRecorder(pool, { ...recorder, hostId: hostA, seenMs: nowMs, stats });
  const ofRecorders = async () => {
    const { problems } = (await api.call('GET', '/v1/status')).json<{ problems: { kind: string; id: string }[] }>();
    return problems.filter(({ kind }) => kind === 'recorder');
  };
  const missing = (id: string) => ({
    kind: 'recorder',
    id,
    name: id,
    code: 'spool-missing',
    what: 'is not there, nothing is recorded',
    detail: waits.for,
    since: new Date(waits.sinceMs).toISOString(),
  });
  expect(await ofRecorders()).toMatchObject([
    {
      id: hostA,
      code: 'spool-unreadable',
      what: 'has 2 files that cannot be read',
      since: new Date(nowMs - 90_000).toISOString(),
    },
    missing(hostB),
    missing(unknown),
  ]);
  const { body } = await api.call('GET', '/metrics');
  expect(body).toContain(`framekeep_spool_unreadable_files{host="${hostA}"} 2\n`);

  await upsertRecorder(pool, { ...recorder, hostId: hostB, seenMs: nowMs, starts: true });
  expect((await ofRecorders()).map(({ id }) => id)).toEqual([hostA, unknown]);
  nowMs += 21_000; // its process is gone too, and says nothing any more
  await upsertRecorder(pool, { ...recorder, hostId: hostA, seenMs: nowMs, stats: { ...stats, unreadable: undefined } });
  await upsertRecorder(pool, { ...recorder, hostId: hostB, seenMs: nowMs });
  expect(await ofRecorders()).toEqual([]);
});

test('a host that was scaled in is forgotten after a week, unless cameras count on it or it left footage', async () => {
  const { pool } = api.database;
  const goneMs = nowMs - 8 * 24 * 3_600_000;
  const id = (last: string) => `0199d2c4-0000-7000-8000-0000000000${last}`;
  const gone = { url: 'http://127.0.0.1:1', slots: 200, used: 200, seenMs: goneMs };
  const backlog = { files: 1, bytes: 1, oldestEndMs: goneMs };
  await upsertRecorder(pool, { ...gone, hostId: id('d1'), stats: idleFigures });
  await upsertRecorder(pool, { ...gone, hostId: id('d2'), stats: { ...idleFigures, backlog } });
  await upsertRecorder(pool, { ...gone, hostId: id('d3') });
  await takeEpoch(pool, (await makeCamera(pool)).id, { hostId: id('d3'), sessionId: null });
  await upsertRecorder(pool, { ...gone, hostId: id('d4'), seenMs: nowMs - 3_600_000 });
  await upsertRecorder(pool, { ...gone, hostId: id('d5'), stats: { ...idleFigures, backlog } });
  await transaction(pool, (tx) => declareDestroyed(tx, id('d5'), 'an operator', nowMs));

  const { recorders } = (await api.call('GET', '/v1/status')).json<{ recorders: { hostId: string }[] }>();
  const shown = [id('d2'), id('d3'), id('d4')];
  expect(recorders.map(({ hostId }) => hostId).slice(-3)).toEqual(shown);
  const { items } = (await api.call('GET', '/v1/recorders')).json<{ items: object[] }>();
  expect(items).toEqual(recorders);
  const { body } = await api.call('GET', '/metrics');
  const up = [...body.matchAll(/framekeep_recorder_up\{host="(?<host>[^"]+d[1-5])"\}/g)];
  expect(up.map((match) => match.groups?.host)).toEqual(shown);
});

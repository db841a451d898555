import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { finishQueues } from '../../db/encoders.ts';
import { forgetWindows, takeReady, type FedWindow } from '../../db/finish-feed.ts';
import { markDone } from '../../db/finish-windows.ts';
import { takeEpoch } from '../../db/leases.ts';
import { declareDestroyed } from '../../db/purge-spools.ts';
import { upsertRecorder } from '../../db/recorders.ts';
import { insertSegment } from '../../db/segments.ts';
import { transaction } from '../../db/sql.ts';
import { insertTenant } from '../../db/tenants.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { makeCamera, segmentOf } from './fixtures.ts';

const t0 = Date.UTC(2026, 0, 1);
const minuteMs = 60_000;
const windowMs = 10 * minuteMs;
let database: TestDatabase;

beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.drop());

type MadeCamera = Awaited<ReturnType<typeof makeCamera>> & { epoch: number };

async function camera(changes: { tier?: string; tenant?: string; profile?: string } = {}): Promise<MadeCamera> {
  const made = await makeCamera(database.pool, { createdAtMs: t0 });
  await database.pool.query(
    `update camera set tier = $2, tenant_id = coalesce((select id from tenant where name = $3), tenant_id),
       profile_id = (select id from profile where name = $4) where id = $1`,
    [made.internalId, changes.tier ?? 'normal', changes.tenant ?? '', changes.profile ?? 'original'],
  );
  return { ...made, epoch: await takeEpoch(database.pool, made.id, { hostId: randomUUID(), sessionId: null }) };
}

/** A minute of footage. */
async function commit(one: MadeCamera, minute: number): Promise<void> {
  const segment = segmentOf({ startMs: t0 + minute * minuteMs, durationMs: minuteMs, epoch: one.epoch });
  expect(await insertSegment(database.pool, one.internalId, segment, windowMs)).toBe(true);
}

function feed(
  atMinute: number,
  changes: { queue?: 'encode' | 'join'; cheap?: boolean; limit?: number } = {},
): Promise<FedWindow[]> {
  const nowMs = t0 + atMinute * minuteMs;
  return takeReady(database.pool, { queue: 'join', cheap: true, limit: 1000, nowMs, ...changes });
}

test('a window is complete when the watermark has passed its end', async () => {
  const one = await camera();
  for (let minute = 0; minute < 9; minute += 1) await commit(one, minute);
  expect(await feed(9.9)).toEqual([]);
  await commit(one, 9);
  expect(await feed(10)).toMatchObject([{ cameraId: one.id, windowStartMs: t0, generation: 1, reencodeId: 0 }]);
  expect(await feed(10)).toEqual([]); // fed once
});

test('a pause completes it, and so does a long gap', async () => {
  const paused = await camera();
  const gone = await camera();
  await commit(paused, 3);
  await commit(gone, 3);
  await database.pool.query(`update camera_lease set wanted = false where camera_id = $1`, [paused.internalId]);
  await database.pool.query(`update camera set status = 'paused', status_at = $2 where id = $1`, [
    paused.internalId,
    new Date(t0 + 4 * minuteMs),
  ]);
  expect(await feed(4.2)).toEqual([]); // its last segment is on the way
  expect((await feed(4.4)).map(({ cameraId }) => cameraId)).toEqual([paused.id]);
  expect(await feed(11.9)).toEqual([]);
  expect((await feed(12)).map(({ cameraId }) => cameraId)).toEqual([gone.id]);
});

test('a late segment opens it again as a new generation', async () => {
  const one = await camera();
  await commit(one, 2);
  expect(await feed(12)).toMatchObject([{ generation: 1 }]);
  await commit(one, 3);
  await commit(one, 4);
  expect(await feed(12)).toMatchObject([{ generation: 2 }]);
});

test('critical cameras come first, then tenants in turn, each with its oldest', async () => {
  await insertTenant(database.pool, 'large');
  await insertTenant(database.pool, 'small');
  const large: MadeCamera[] = [];
  for (let i = 0; i < 6; i += 1) large.push(await camera({ tenant: 'large' }));
  const small = await camera({ tenant: 'small' });
  const critical = await camera({ tenant: 'large', tier: 'critical' });
  for (const one of large) await commit(one, 0);
  await commit(small, 10);
  await commit(critical, 20);
  const order: string[] = [];
  for (let turn = 0; turn < 8; turn += 1) {
    for (const { cameraId } of await feed(60, { limit: 1 })) order.push(cameraId);
  }
  const name = (id: string): string => (id === critical.id ? 'critical' : id === small.id ? 'small' : 'large');
  expect(order.map(name)).toEqual(['critical', 'small', 'large', 'large', 'large', 'large', 'large', 'large']);
  expect((await feed(60)).length).toBe(0);
});

test('the small tenant has its share of one feed, too', async () => {
  await insertTenant(database.pool, 'large');
  await insertTenant(database.pool, 'small');
  for (let i = 0; i < 10; i += 1) await commit(await camera({ tenant: 'large' }), 0);
  const small = await camera({ tenant: 'small' });
  for (const minute of [0, 10, 20]) await commit(small, minute);
  const fed = await feed(60, { limit: 4 });
  expect(fed.filter(({ cameraId }) => cameraId === small.id).length).toBe(2);
});

test('what can wait is fed in cheap hours, or when it has waited long enough', async () => {
  await database.pool.query(
    `insert into profile (name, mode, audio, durable, can_wait, wait_hours) values ('night', 'copy', 'none', 'source', true, 2)`,
  );
  const one = await camera({ profile: 'night' });
  await commit(one, 0);
  await commit(one, 10);
  expect(await feed(60, { cheap: false })).toEqual([]);
  expect((await feed(130, { cheap: false })).map(({ windowStartMs }) => windowStartMs)).toEqual([t0]);
  expect((await feed(60, { cheap: true })).map(({ windowStartMs }) => windowStartMs)).toEqual([t0 + windowMs]);
});

test('only what needs an encoder waits for one', async () => {
  const kept = await camera();
  const auto = await camera({ profile: 'standard' });
  const decided = await camera({ profile: 'standard' });
  for (const one of [kept, auto, decided]) await commit(one, 0);
  await database.pool.query(
    `update camera set finish_action = 'encode', finish_profile_id = profile_id, finish_reason = '' where id = $1`,
    [decided.internalId],
  );
  expect((await feed(60, { queue: 'encode' })).map(({ cameraId }) => cameraId)).toEqual([decided.id]);
  expect(new Set((await feed(60)).map(({ cameraId }) => cameraId))).toEqual(new Set([kept.id, auto.id]));
});

test('feeders that run at once never feed a window twice', async () => {
  for (let i = 0; i < 20; i += 1) await commit(await camera(), 0);
  const fed = (await Promise.all(Array.from({ length: 4 }, () => feed(60, { limit: 15 })))).flat();
  expect(new Set(fed.map(({ cameraId }) => cameraId)).size).toBe(fed.length);
  const rest = await feed(60);
  expect(fed.length + rest.length).toBe(20);
});

test('a purged camera is left alone', async () => {
  const one = await camera();
  await commit(one, 0);
  await database.pool.query(`update camera set status = 'purging' where id = $1`, [one.internalId]);
  expect(await feed(60)).toEqual([]);
  expect((await finishQueues(database.pool, t0 + 3_600_000)).map(({ waiting }) => waiting)).toEqual([0, 0, 0]);
  expect(await forgetWindows(database.pool, t0, 10)).toBe(0);
  await database.pool.query(`update camera set status = 'purged' where id = $1`, [one.internalId]);
  expect(await forgetWindows(database.pool, t0, 10)).toBe(1);
});

test('what a destroyed host alone held is forgotten, until that host is seen again', async () => {
  const one = await camera();
  const hostId = randomUUID();
  const host = { hostId, url: 'http://127.0.0.1:1', slots: 1, used: 0 };
  await upsertRecorder(database.pool, { ...host, seenMs: t0 });
  await database.pool.query(
    `insert into finish_window (camera_id, window_start_at, window_ms, spool_host_id, spool_from_at, spool_to_at)
     values ($1, $2, $3, $4, $2, $2)`,
    [one.internalId, new Date(t0), windowMs, hostId],
  );
  const seen = (seenMs: number) => upsertRecorder(database.pool, { ...host, seenMs });
  await transaction(database.pool, (tx) => declareDestroyed(tx, hostId, 'account:admin', t0 + 3_600_000));
  await seen(t0 + 3_600_001);
  expect(await forgetWindows(database.pool, t0, 10)).toBe(0);
  await seen(t0);
  expect(await forgetWindows(database.pool, t0, 10)).toBe(1);
});

test('done windows are forgotten when no closed job can bear their id any more', async () => {
  const one = await camera();
  await commit(one, 0);
  const [window] = await feed(60);
  if (window === undefined) throw new Error('not fed');
  expect(await markDone(database.pool, window, t0 + 3_600_000)).toBe(true);
  expect(await forgetWindows(database.pool, t0 + 3_600_000, 10)).toBe(0);
  expect(await forgetWindows(database.pool, t0 + 3_600_001, 10)).toBe(1);
});

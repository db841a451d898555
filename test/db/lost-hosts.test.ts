import { afterAll, beforeAll, expect, test } from 'vitest';
import { setCameraState } from '../../db/cameras.ts';
import { closeGap, openGap, openGapOf } from '../../db/gaps.ts';
import { leaseOf, markRecording, takeEpoch } from '../../db/leases.ts';
import { claimLostHosts } from '../../db/lost-hosts.ts';
import { upsertRecorder } from '../../db/recorders.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { makeCamera } from './fixtures.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const hostA = '00000000-0000-4000-8000-00000000000a';
const hostB = '00000000-0000-4000-8000-00000000000b';
const seen = (hostId: string, seenMs: number) =>
  upsertRecorder(database.pool, { hostId, url: 'http://127.0.0.1:1', slots: 9, used: 1, seenMs });

async function recordedOn(hostId: string): Promise<string> {
  const { id } = await makeCamera(database.pool);
  await takeEpoch(database.pool, id, { hostId, sessionId: null });
  await setCameraState(database.pool, id, 'recording', null, Date.now());
  await closeGap(database.pool, id, Date.now()); // that of the first connect
  return id;
}

test('cameras of an unseen host are claimed as host-lost, once, and nobody else', async () => {
  const { pool } = database;
  const nowMs = Date.now();
  await seen(hostA, nowMs - 21_000);
  await seen(hostB, nowMs - 3000);
  const [lost, fine, failing] = [await recordedOn(hostA), await recordedOn(hostB), await recordedOn(hostA)];
  await makeCamera(pool); // nobody has taken it yet
  await openGap(pool, failing, { startMs: nowMs - 60_000, reason: 'refused', evidence: {} });

  const times = { seenBeforeMs: nowMs - 20_000, nowMs };
  expect(await claimLostHosts(pool, { ...times, seenBeforeMs: nowMs - 30_000 })).toEqual([]);
  expect(await claimLostHosts(pool, times)).toEqual([lost]);
  expect(await claimLostHosts(pool, times)).toEqual([]);
  const lease = await leaseOf(pool, lost);
  expect(await openGapOf(pool, lost)).toMatchObject({
    reason: 'host-lost',
    startMs: lease?.lastEndMs,
    evidence: { hostId: hostA, epoch: 1 },
  });
  const { rows } = await pool.query(`select status, status_reason from camera where public_id = $1`, [lost]);
  expect(rows).toEqual([{ status: 'reconnecting', status_reason: 'host-lost' }]);
  expect(await openGapOf(pool, fine)).toBeNull();
  expect(await openGapOf(pool, failing)).toMatchObject({ reason: 'refused' });

  // Another host records it: the lost one concerns it no more.
  await takeEpoch(pool, lost, { hostId: hostB, sessionId: null });
  await closeGap(pool, lost, nowMs);
  expect(await claimLostHosts(pool, times)).toEqual([]);
});

test('a host lost before its first frame is not told of while an older recording gives footage', async () => {
  const { pool } = database;
  const nowMs = Date.now();
  await seen(hostA, nowMs - 21_000);
  await seen(hostB, nowMs - 3000);
  const id = await recordedOn(hostB);
  await markRecording(pool, id, 1, { frameMs: nowMs, keySha256: null });
  await takeEpoch(pool, id, { hostId: hostA, sessionId: null });
  const endsAt = (ms: number) =>
    pool.query(
      `update camera_lease set last_end_at = $2 where camera_id = (select id from camera where public_id = $1)`,
      [id, new Date(ms)],
    );
  const times = { seenBeforeMs: nowMs - 20_000, nowMs };
  await endsAt(nowMs - 25_000); // what ends in another's epoch is committed 10 s and a segment later
  expect(await claimLostHosts(pool, times)).toEqual([]);
  expect(await openGapOf(pool, id)).toBeNull();
  await endsAt(nowMs - 121_000);
  expect(await claimLostHosts(pool, times)).toEqual([id]);
});

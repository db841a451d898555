import { afterAll, beforeAll, expect, test } from 'vitest';
import { leaseOf, leasesOf, markRecording, markSeam, noteOneClient, takeEpoch } from '../../db/leases.ts';
import { done, due, enqueue } from '../../db/object-gc.ts';
import { hasRoomElsewhere, noteWaiting, recorders, setDraining, upsertRecorder } from '../../db/recorders.ts';
import { newUuid } from '../../security/uuid.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { makeCamera } from './fixtures.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const hostA = '00000000-0000-4000-8000-00000000000a';
const hostB = '00000000-0000-4000-8000-00000000000b';

test('epochs are taken one after the other, also at once', async () => {
  const camera = await makeCamera(database.pool);
  const taken = await Promise.all(
    Array.from({ length: 8 }, () => takeEpoch(database.pool, camera.id, { hostId: hostA, sessionId: 's' })),
  );
  expect(taken.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(await leaseOf(database.pool, camera.id)).toMatchObject({ epoch: 8, hostId: hostA, sessionId: 's' });
  await expect(takeEpoch(database.pool, newUuid(1), { hostId: hostA, sessionId: null })).rejects.toThrow(
    'There is no such camera.',
  );
});

test('the newest epoch with a first frame wins, whoever tells it last', async () => {
  const camera = await makeCamera(database.pool);
  const keySha256 = 'ab'.repeat(32);
  expect(await markRecording(database.pool, camera.id, 2, { frameMs: 2_000, keySha256 })).toBe(true);
  expect(await markRecording(database.pool, camera.id, 1, { frameMs: 3_000, keySha256: null })).toBe(false);
  const first = { recordingEpoch: 2, firstFrameMs: 2_000, firstKeySha256: keySha256 };
  expect(await leaseOf(database.pool, camera.id)).toMatchObject(first);
  // The same recording has reconnected.
  expect(await markRecording(database.pool, camera.id, 2, { frameMs: 9_000, keySha256: null })).toBe(true);
  expect(await leaseOf(database.pool, camera.id)).toMatchObject(first);
  await markSeam(database.pool, camera.id, { epoch: 2, atMs: 1_990 });
  await markSeam(database.pool, camera.id, { epoch: 1, atMs: 1_000 });
  expect(await leaseOf(database.pool, camera.id)).toMatchObject({ seam: { epoch: 2, atMs: 1_990 } });
});

test('the watcher reads many leases at once', async () => {
  const cameras = [await makeCamera(database.pool), await makeCamera(database.pool)];
  const found = await leasesOf(database.pool, [...cameras.map((camera) => camera.id), newUuid(1)]);
  expect(found.map((lease) => lease.cameraId).toSorted()).toEqual(cameras.map((camera) => camera.id).toSorted());
});

test('that a camera has no room beside an older recording is known of the newest epoch only', async () => {
  const { pool } = database;
  const { id } = await makeCamera(pool);
  const known = async (): Promise<boolean | undefined> => (await leaseOf(pool, id))?.oneClient;
  const taker = { hostId: hostA, sessionId: null };
  const [first, second] = [await takeEpoch(pool, id, taker), await takeEpoch(pool, id, taker)];
  await noteOneClient(pool, id, first);
  expect(await known()).toBe(false);
  await noteOneClient(pool, id, second);
  expect(await known()).toBe(true);
  await takeEpoch(pool, id, taker);
  expect(await known()).toBe(false);
});

test('a recorder lives by its signs of life, and keeps draining until its next start', async () => {
  const nowMs = Date.now();
  const sign = { hostId: hostA, url: 'http://127.0.0.1:1', slots: 10, used: 4, seenMs: nowMs };
  expect(await upsertRecorder(database.pool, { ...sign, starts: true })).toMatchObject({ draining: false, used: 4 });
  expect(await setDraining(database.pool, hostA, true)).toBe(true);
  expect(await upsertRecorder(database.pool, sign)).toMatchObject({ draining: true });
  expect(await hasRoomElsewhere(database.pool, hostB, 1)).toBe(false);
  expect(await upsertRecorder(database.pool, { ...sign, starts: true })).toMatchObject({ draining: false });
  expect(await hasRoomElsewhere(database.pool, hostB, 6)).toBe(true);
  expect(await hasRoomElsewhere(database.pool, hostB, 7)).toBe(false);
  expect(await hasRoomElsewhere(database.pool, hostA, 1)).toBe(false);
  await upsertRecorder(database.pool, { ...sign, seenMs: nowMs - 60_000 });
  expect(await hasRoomElsewhere(database.pool, hostB, 1)).toBe(false);
  expect(await setDraining(database.pool, hostB, true)).toBe(false);
  await noteWaiting(database.pool, hostA, { for: 'a disk', sinceMs: 0 });
  const all = await recorders(database.pool);
  expect(all).toMatchObject([{ hostId: hostA, seenMs: nowMs - 60_000, waits: { for: 'a disk', sinceMs: 0 } }]);
  expect(all[0]?.waits?.seenMs).toBeGreaterThan(nowMs - 60_000); // by the database's clock
});

test('objects wait for their deletion, each once', async () => {
  await enqueue(database.pool, ['a', 'b', 'c'], 'covered', 1_000);
  await enqueue(database.pool, ['a'], 'again', 9_000);
  await enqueue(database.pool, ['d'], 'later', 5_000);
  const dueAt = async (nowMs: number, limit: number) => (await due(database.pool, nowMs, limit)).map(({ key }) => key);
  expect(await dueAt(999, 10)).toEqual([]);
  expect(await dueAt(1_000, 2)).toEqual(['a', 'b']);
  await done(database.pool, ['a', 'b']);
  expect(await dueAt(5_000, 10)).toEqual(['c', 'd']);
});

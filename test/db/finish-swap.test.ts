import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { changeIntent } from '../../db/camera-changes.ts';
import { commitHeldFinal, reserveKey, StaleSwapError, swapInFinal, type Swap } from '../../db/finish-swap.ts';
import { takeEpoch } from '../../db/leases.ts';
import { collectable, done } from '../../db/object-gc.ts';
import { beginPurge, storesUntilMs } from '../../db/purge.ts';
import { insertSegment } from '../../db/segments.ts';
import { transaction } from '../../db/sql.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { untilSomebodyWaits } from '../support/lock-wait.ts';
import { clocksAt, makeCamera, segmentOf } from './fixtures.ts';

const t0 = Date.UTC(2026, 0, 1);
const nowMs = t0 + 3_600_000;
const laterMs = nowMs + 6 * 3_600_000;
const byOneClock = (ms: number) => ({ earlierMs: ms, laterMs: ms });
let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** A camera with two minutes of sources, and the final that is to take their place. */
async function cameraWithFinal(): Promise<Swap> {
  const { id, internalId } = await makeCamera(database.pool, { createdAtMs: t0 });
  const epoch = await takeEpoch(database.pool, id, { hostId: randomUUID(), sessionId: null });
  const sources = [0, 1].map((minute) => segmentOf({ startMs: t0 + minute * 60_000, durationMs: 60_000, epoch }));
  for (const source of sources) expect(await insertSegment(database.pool, internalId, source)).toBe(true);
  const final = segmentOf({ startMs: t0, durationMs: 120_000, epoch, variant: 1 });
  return {
    ref: { cameraId: id, windowStartMs: t0, reencodeId: 0, generation: 1 },
    internalId,
    sources,
    final,
    finalKey: `tenant/${id}/final`,
    sourceKeys: sources.map(({ startMs }) => `tenant/${id}/${startMs}`),
    sourcesGoneMs: nowMs + 3_600_000,
    clocks: byOneClock(nowMs),
  };
}

async function variants({ internalId }: Swap): Promise<number[]> {
  const { rows } = await database.pool.query<{ variant: number }>(
    `select variant from segment where camera_id = $1 order by start_at`,
    [internalId],
  );
  return rows.map(({ variant }) => variant);
}

async function keys({ ref }: Swap): Promise<[string, string][]> {
  const { rows } = await database.pool.query<{ key: string; reason: string }>(
    `select key, reason from object_gc where key like '%' || $1 || '%' order by key`,
    [ref.cameraId],
  );
  return rows.map(({ key, reason }) => [key, reason]);
}

const swap = (request: Swap): Promise<void> => transaction(database.pool, (tx) => swapInFinal(tx, request));
const retire = ({ ref }: Swap): Promise<unknown> =>
  transaction(database.pool, (tx) => changeIntent(tx, ref.cameraId, 'retire', { clocks: clocksAt(t0), graceMs: 0 }));
const reserve = (request: Swap): Promise<void> =>
  reserveKey(database.pool, request.internalId, request.finalKey, laterMs);

test('a reserved final takes the place of its sources, and its reservation ends', async () => {
  const request = await cameraWithFinal();
  await reserve(request);
  expect(await keys(request)).toEqual([[request.finalKey, 'unfinished']]);
  await swap(request);
  expect(await variants(request)).toEqual([1]);
  expect(await keys(request)).toEqual(request.sourceKeys.map((key) => [key, 'finished']));
});

test('a final whose reservation is over replaces nothing, whether or not the collector has been', async () => {
  const request = await cameraWithFinal();
  await expect(swap(request)).rejects.toThrow(StaleSwapError); // never reserved
  await reserve(request);
  const late = { ...request, clocks: { earlierMs: nowMs, laterMs } };
  await expect(swap(late)).rejects.toThrow('the reservation of the final is over');
  expect(await transaction(database.pool, (tx) => collectable(tx, laterMs, 100))).toContainEqual({
    key: request.finalKey,
    reason: expect.any(String),
  });
  await done(database.pool, [request.finalKey]);
  await expect(swap(request)).rejects.toThrow('the reservation of the final is over');
  expect(await variants(request)).toEqual([0, 0]);
  expect(await keys(request)).toEqual([]);
  // Done anew, it is reserved anew.
  await reserve(request);
  await swap(request);
  expect(await variants(request)).toEqual([1]);
});

test('the collector and the swap never both have a final', async () => {
  const request = await cameraWithFinal();
  await reserve(request);
  const late = { ...request, clocks: byOneClock(laterMs - 1) };
  // By another clock it is over already: the collector has it, and deletes it.
  let swapping: Promise<unknown> = Promise.resolve();
  await transaction(database.pool, async (tx) => {
    expect(await collectable(tx, laterMs, 100)).toContainEqual({ key: request.finalKey, reason: expect.any(String) });
    swapping = swap(late).catch((error: unknown) => error);
    await untilSomebodyWaits(database.pool);
    await done(tx, [request.finalKey]);
  });
  expect(await swapping).toBeInstanceOf(StaleSwapError);
  expect(await variants(request)).toEqual([0, 0]);
});

test('footage that only a spool holds is not catalogued by a final whose reservation is over', async () => {
  const request = await cameraWithFinal();
  const final = segmentOf({ startMs: t0 + 600_000, durationMs: 60_000, epoch: request.final.epoch, variant: 1 });
  const held = { ...request, final, sourceBytes: 1 };
  const commit = () => transaction(database.pool, (tx) => commitHeldFinal(tx, held));
  await expect(commit()).rejects.toThrow('the reservation of the final is over');
  expect(await variants(request)).toEqual([0, 0]);
  await reserve(request);
  await commit();
  expect(await variants(request)).toEqual([0, 0, 1]);
});

test('no object is reserved once a purge has begun; one that is about to begin is waited for', async () => {
  const request = await cameraWithFinal();
  await retire(request);
  let reserving: Promise<unknown> = Promise.resolve();
  await transaction(database.pool, async (tx) => {
    expect(await beginPurge(tx, request.ref.cameraId, { nowMs })).toEqual({ kind: 'begun' });
    reserving = reserve(request).catch((error: unknown) => error);
    await untilSomebodyWaits(database.pool);
  });
  expect(await reserving).toBeInstanceOf(StaleSwapError);
  await expect(reserve(request)).rejects.toThrow('the camera is being purged');
  expect(await keys(request)).toEqual([]);
});

test('what was reserved before a purge began is waited for by it, and replaces nothing', async () => {
  const request = await cameraWithFinal();
  await retire(request);
  await reserve(request);
  await transaction(database.pool, (tx) => beginPurge(tx, request.ref.cameraId, { nowMs }));
  expect(await storesUntilMs(database.pool, `tenant/${request.ref.cameraId}/`, nowMs)).toBe(laterMs);
  await expect(swap(request)).rejects.toThrow(StaleSwapError);
  expect(await variants(request)).toEqual([0, 0]);
});

import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { deleteMarkedFootage } from '../../activities/delete-footage.ts';
import { one } from '../../db/sql.ts';
import { makeCamera } from '../db/fixtures.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createTestBucket } from '../support/objects.ts';
import type { Objects } from '../../storage/objects.ts';
import { keysOf, storeFootage } from '../support/stored-footage.ts';

const t0 = Date.UTC(2026, 0, 1);
let database: TestDatabase;
let objects: Objects;
beforeAll(async () => {
  [database, objects] = await Promise.all([createTestDatabase(), createTestBucket()]);
});
afterAll(async () => {
  objects.close();
  await database.drop();
});

async function cameraWithFootage(count: number) {
  const made = await makeCamera(database.pool, { createdAtMs: t0 });
  const keys: string[] = [];
  for (let i = 0; i < count; i += 1) {
    keys.push((await storeFootage({ db: database.pool, objects }, made, { startMs: t0 + i * 60_000 })).key);
  }
  return { ...made, cameraId: made.id, keys };
}

async function mark(internalId: number, beforeMs: number): Promise<void> {
  await database.pool.query(`update segment set state = 1 where camera_id = $1 and start_at < $2`, [
    internalId,
    new Date(beforeMs),
  ]);
}

function rows(internalId: number): Promise<{ segments: number; noted: number }> {
  return one(
    database.pool,
    z.object({ segments: z.number(), noted: z.number() }),
    `select (select count(*)::int from segment where camera_id = $1) as segments,
       (select count(*)::int from deleted_segment where camera_id = $1) as noted`,
    [internalId],
  );
}

test('deletes what is marked, object and row, notes it, and touches nothing else', async () => {
  const camera = await cameraWithFootage(5);
  await mark(camera.internalId, t0 + 3 * 60_000);
  const deps = { db: database.pool, objects };
  const batch = await deleteMarkedFootage(deps, camera, { cause: 'retention' });
  expect(batch).toMatchObject({ segments: 3, refused: [], lastStartMs: t0 + 2 * 60_000 });
  expect(await keysOf(objects, camera)).toEqual(camera.keys.slice(3));
  expect(await rows(camera.internalId)).toEqual({ segments: 2, noted: 3 });
  expect(await deleteMarkedFootage(deps, camera, { cause: 'retention' })).toBeNull();
});

test.each(['marked', 'removed', 'looked', 'forgotten'])('killed at "%s", the next call does the rest', async (at) => {
  const camera = await cameraWithFootage(3);
  await mark(camera.internalId, t0 + 2 * 60_000);
  const deps = { db: database.pool, objects };
  const failpoint = (name: string): void => {
    if (name === at) throw new Error(`killed at ${name}`);
  };
  await expect(deleteMarkedFootage({ ...deps, failpoint }, camera, { cause: 'purge' })).rejects.toThrow('killed');
  await deleteMarkedFootage(deps, camera, { cause: 'purge' });
  expect(await keysOf(objects, camera)).toEqual(camera.keys.slice(2));
  expect(await rows(camera.internalId)).toEqual({ segments: 1, noted: 2 });
});

test('a row stays as long as its object is there', async () => {
  const camera = await cameraWithFootage(2);
  await mark(camera.internalId, t0 + 3_600_000);
  const held = camera.keys[0] ?? '';
  const stubborn: Objects = {
    ...objects,
    remove: async (keys) => {
      const others = keys.filter((key) => key !== held);
      return [...(await objects.remove(others)), { key: held, error: 'AccessDenied: locked' }];
    },
  };
  const deps = { db: database.pool, objects: stubborn };
  const batch = await deleteMarkedFootage(deps, camera, { cause: 'retention' });
  expect(batch).toMatchObject({ segments: 1, refused: [{ key: held, error: 'AccessDenied: locked' }] });
  expect(await rows(camera.internalId)).toEqual({ segments: 1, noted: 1 });
});

import { afterAll, beforeAll, expect, test } from 'vitest';
import { cameraByPublicId, setCameraState } from '../../db/cameras.ts';
import { closeGap, openGap } from '../../db/gaps.ts';
import { failingCameras } from '../../db/service-status.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { makeCamera } from './fixtures.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

test('what is wrong with a camera is as old as its gap, however often its recorder is restarted', async () => {
  const { pool } = database;
  const camera = await makeCamera(pool);
  const startMs = camera.createdAtMs;
  await closeGap(pool, camera.id, startMs + 1000);
  await setCameraState(pool, camera.id, 'recording', null, startMs + 1000);
  const evidence = { lastError: 'The camera answered DESCRIBE with 401: it refuses the login.', attempts: 3 };
  await openGap(pool, camera.id, { startMs: startMs + 60_000, reason: 'auth', evidence });
  await setCameraState(pool, camera.id, 'attention', 'auth', startMs + 61_000);
  // The restart.
  await setCameraState(pool, camera.id, 'connecting', null, startMs + 500_000);
  await setCameraState(pool, camera.id, 'attention', 'auth', startMs + 503_000);
  const expected = { stateSinceMs: startMs + 60_000, stateDetail: evidence.lastError };
  expect(await cameraByPublicId(pool, camera.id)).toMatchObject(expected);
  expect(await failingCameras(pool, 10)).toMatchObject([
    { sinceMs: startMs + 60_000, lastError: evidence.lastError, cameraId: camera.id },
  ]);
  await closeGap(pool, camera.id, startMs + 600_000);
  await setCameraState(pool, camera.id, 'recording', null, startMs + 600_000);
  const since = { stateSinceMs: startMs + 600_000, stateDetail: null };
  expect(await cameraByPublicId(pool, camera.id)).toMatchObject(since);
});

import { afterAll, beforeAll, expect, test } from 'vitest';
import { changeIntent, updateCamera } from '../../db/camera-changes.ts';
import { cameraByPublicId, camerasToEnsure, insertCamera, listCameras, setCameraState } from '../../db/cameras.ts';
import { claimsBetween, openGap } from '../../db/gaps.ts';
import { leaseOf, setAppliedVersion } from '../../db/leases.ts';
import { cameraForRecording, saveStream } from '../../db/recorded-cameras.ts';
import { insertSegment } from '../../db/segments.ts';
import { transaction } from '../../db/sql.ts';
import { insertTenant } from '../../db/tenants.ts';
import { newUuid } from '../../security/uuid.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { clocksAt, makeCamera, refusal, segmentOf } from './fixtures.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const pause = (cameraId: string, nowMs: number) =>
  transaction(database.pool, (tx) => changeIntent(tx, cameraId, 'pause', { clocks: clocksAt(nowMs), graceMs: 0 }));

test('a new camera is wanted, has a lease at its creation and a claim until its first frame', async () => {
  const camera = await makeCamera(database.pool);
  expect(await cameraByPublicId(database.pool, camera.id)).toMatchObject({
    intent: 'record',
    configVersion: 1,
    state: 'provisioning',
    lastSegmentEndMs: null,
    retiredAtMs: null,
  });
  expect(await leaseOf(database.pool, camera.id)).toMatchObject({
    epoch: 0,
    wanted: true,
    appliedVersion: 0,
    lastEndMs: camera.createdAtMs,
  });
  expect(await claimsBetween(database.pool, camera.id, 0, Date.now() + 1000)).toEqual([
    { startMs: camera.createdAtMs, endMs: null, reason: 'operator', evidence: {} },
  ]);
  await insertSegment(
    database.pool,
    camera.internalId,
    segmentOf({ startMs: camera.createdAtMs, durationMs: 10_000, epoch: 0 }),
  );
  expect((await cameraByPublicId(database.pool, camera.id))?.lastSegmentEndMs).toBe(camera.createdAtMs + 10_000);
});

test('names are unique within a tenant, and unknown tenants and profiles are refused', async () => {
  const camera = await makeCamera(database.pool, { name: 'Gate 2' });
  const again = {
    id: newUuid(1),
    tenantId: camera.tenantId,
    name: 'Gate 2',
    sealedUrl: 'x',
    urlRedacted: 'x',
    tier: 'critical' as const,
    profileId: camera.profileId,
    retentionDays: 30,
  };
  expect(await refusal(insertCamera(database.pool, again))).toEqual([
    'name-taken',
    'There is a camera named "Gate 2" already.',
  ]);
  const school = await insertTenant(database.pool, 'a school');
  expect((await insertCamera(database.pool, { ...again, tenantId: school.id })).name).toBe('Gate 2');
  const unknown = newUuid(2);
  for (const wrong of [{ tenantId: unknown }, { profileId: unknown }]) {
    expect((await refusal(insertCamera(database.pool, { ...again, id: newUuid(3), name: 'other', ...wrong })))[0]).toBe(
      'not-found',
    );
  }
  const third = await makeCamera(database.pool, { name: 'Gate 3' });
  expect((await refusal(updateCamera(database.pool, third.id, { name: 'Gate 2' })))[0]).toBe('name-taken');
});

test('pages of cameras follow each other and end', async () => {
  const tenant = await insertTenant(database.pool, 'a factory');
  const { profileId } = await makeCamera(database.pool);
  const ids: string[] = [];
  for (let i = 0; i < 5; i += 1) {
    const id = newUuid(Date.now() + i);
    ids.push(id);
    await insertCamera(database.pool, {
      id,
      tenantId: tenant.id,
      name: `hall ${i}`,
      sealedUrl: 'x',
      urlRedacted: 'x',
      tier: 'normal',
      profileId,
      retentionDays: 30,
    });
  }
  const seen: string[] = [];
  for (let afterId: string | undefined; ;) {
    const page = await listCameras(database.pool, { tenantId: tenant.id, afterId, limit: 2 });
    if (page.length === 0) break;
    seen.push(...page.map((camera) => camera.id));
    afterId = seen[seen.length - 1];
  }
  expect(seen).toEqual(ids);
  expect((await listCameras(database.pool, { limit: 1000 })).length).toBeGreaterThan(5);
});

test('a late word of the recorder does not undo what was decided', async () => {
  const camera = await makeCamera(database.pool);
  const t = camera.createdAtMs;
  expect(await setCameraState(database.pool, camera.id, 'recording', null, t + 1_000)).toBe(true);
  expect(await setCameraState(database.pool, camera.id, 'recording', 'again', t + 2_000)).toBe(true);
  expect(await cameraByPublicId(database.pool, camera.id)).toMatchObject({
    state: 'recording',
    stateReason: 'again',
    stateSinceMs: t + 1_000,
  });
  await pause(camera.id, t + 3_000);
  expect(await setCameraState(database.pool, camera.id, 'reconnecting', 'closed', t + 4_000)).toBe(false);
  expect(await cameraByPublicId(database.pool, camera.id)).toMatchObject({ state: 'paused', stateReason: null });
  // Nor does its claim replace the pause.
  await openGap(database.pool, camera.id, { startMs: t + 4_000, reason: 'closed', evidence: {} });
  const claims = await claimsBetween(database.pool, camera.id, t + 3_500, t + 5_000);
  expect(claims.map((one) => one.reason)).toEqual(['paused']);
});

test('every camera that is not purged should have a workflow, and versions tell what is behind', async () => {
  const camera = await makeCamera(database.pool);
  const gone = await makeCamera(database.pool);
  await database.pool.query(`update camera set status = 'purged', intent = 'retired' where id = $1`, [gone.internalId]);
  await pause(camera.id, camera.createdAtMs);
  await setAppliedVersion(database.pool, camera.id, 2);
  await setAppliedVersion(database.pool, camera.id, 1);
  const found = await camerasToEnsure(database.pool);
  expect(found.find((one) => one.id === camera.id)).toMatchObject({
    intent: 'paused',
    configVersion: 2,
    appliedVersion: 2,
    tier: 'normal',
    tenantId: camera.tenantId,
  });
  expect(found.some((one) => one.id === gone.id)).toBe(false);
});

test('what a probe found is kept', async () => {
  const camera = await makeCamera(database.pool);
  const stream = {
    codec: 'hevc' as const,
    width: 2560,
    height: 1440,
    fps: 12.5,
    audioCodec: null,
    bitrateKbps: null,
    hasBFrames: false,
  };
  await saveStream(database.pool, camera.id, stream);
  expect((await cameraForRecording(database.pool, camera.id))?.stream).toEqual(stream);
  await saveStream(database.pool, camera.id, null);
  expect((await cameraForRecording(database.pool, camera.id))?.stream).toBeNull();
  expect(await cameraForRecording(database.pool, newUuid(1))).toBeNull();
});

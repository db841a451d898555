import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDeleteTenantActivities } from '../../activities/delete-tenant.ts';
import { recordDeed } from '../../db/audit.ts';
import { changeIntent, updateCamera, type IntentAction } from '../../db/camera-changes.ts';
import { cameraByPublicId, lockCamera } from '../../db/cameras.ts';
import { claimsBetween } from '../../db/gaps.ts';
import { leaseOf } from '../../db/leases.ts';
import { listProfiles } from '../../db/profiles.ts';
import { beginPurge, requestPurge } from '../../db/purge.ts';
import { cameraForRecording } from '../../db/recorded-cameras.ts';
import { termsOf } from '../../db/retention.ts';
import { transaction } from '../../db/sql.ts';
import { insertTenant } from '../../db/tenants.ts';
import { createSealer } from '../../security/seal.ts';
import { newUuid } from '../../security/uuid.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { untilSomebodyWaits } from '../support/lock-wait.ts';
import { clocksAt, makeCamera, refusal } from './fixtures.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const graceMs = 90 * 86_400_000;
const change = (cameraId: string, action: IntentAction, nowMs: number) =>
  transaction(database.pool, (tx) => changeIntent(tx, cameraId, action, { clocks: clocksAt(nowMs), graceMs }));

test('what the recorder must know raises the version, a new name does not', async () => {
  const camera = await makeCamera(database.pool);
  const renamed = await updateCamera(database.pool, camera.id, { name: 'Yard', retentionDays: 60 });
  expect(renamed).toMatchObject({ version: null, camera: { name: 'Yard', retentionDays: 60, configVersion: 1 } });
  const url = { sealedUrl: 'v1.new', urlRedacted: 'rtsp://192.0.2.9/' };
  expect(await updateCamera(database.pool, camera.id, { url })).toMatchObject({
    version: 2,
    camera: { urlRedacted: 'rtsp://192.0.2.9/', name: 'Yard' },
  });
  const profile = (await listProfiles(database.pool)).find((one) => one.name === 'original-audio');
  expect((await updateCamera(database.pool, camera.id, { profileId: profile?.id, tier: 'critical' })).version).toBe(3);
  expect(await cameraForRecording(database.pool, camera.id)).toMatchObject({
    sealedUrl: 'v1.new',
    tier: 'critical',
    configVersion: 3,
    profile: { name: 'original-audio', audio: 'aac', mode: 'copy', bitrateKbps: null },
    wanted: true,
    stream: null,
  });
  expect((await refusal(updateCamera(database.pool, newUuid(1), { name: 'x' })))[0]).toBe('not-found');
  expect((await refusal(updateCamera(database.pool, camera.id, { profileId: newUuid(1) })))[0]).toBe('not-found');
});

test('intents follow the rules, each raises the version, and wanted follows', async () => {
  const camera = await makeCamera(database.pool);
  const t = camera.createdAtMs;
  const wanted = async () => (await leaseOf(database.pool, camera.id))?.wanted;
  expect(await refusal(change(camera.id, 'resume', t))).toEqual([
    'wrong-state',
    'Only a paused camera can be resumed; this one is meant to be: record.',
  ]);
  expect((await refusal(change(camera.id, 'reactivate', t)))[0]).toBe('wrong-state');
  expect(await change(camera.id, 'pause', t + 10_000)).toBe(2);
  expect(await wanted()).toBe(false);
  expect((await refusal(change(camera.id, 'pause', t)))[0]).toBe('wrong-state');
  expect(await cameraByPublicId(database.pool, camera.id)).toMatchObject({ intent: 'paused', state: 'paused' });
  expect(await change(camera.id, 'resume', t + 20_000)).toBe(3);
  expect(await wanted()).toBe(true);
  expect(await change(camera.id, 'retire', t + 30_000)).toBe(4);
  expect(await wanted()).toBe(false);
  expect(await cameraByPublicId(database.pool, camera.id)).toMatchObject({
    intent: 'retired',
    state: 'grace',
    retiredAtMs: t + 30_000,
    graceEndsAtMs: t + 30_000 + graceMs,
  });
  for (const action of ['pause', 'resume', 'retire'] as const) {
    expect((await refusal(change(camera.id, action, t)))[0]).toBe('wrong-state');
  }
  const url = { sealedUrl: 'x', urlRedacted: 'x' };
  expect(await refusal(updateCamera(database.pool, camera.id, { url }))).toEqual([
    'wrong-state',
    'A retired camera cannot be reconfigured; reactivate it first.',
  ]);
  expect((await updateCamera(database.pool, camera.id, { name: 'retired but renamed' })).version).toBeNull();
  expect((await refusal(change(camera.id, 'reactivate', t + 30_000 + graceMs)))[0]).toBe('wrong-state');
  expect(await change(camera.id, 'reactivate', t + 50_000)).toBe(5);
  expect(await cameraByPublicId(database.pool, camera.id)).toMatchObject({
    intent: 'record',
    retiredAtMs: null,
    graceEndsAtMs: null,
  });
  expect((await refusal(change(newUuid(1), 'pause', t)))[0]).toBe('not-found');

  const claims = await claimsBetween(database.pool, camera.id, t, t + 1_000_000);
  expect(claims.map((one) => [one.startMs - t, one.endMs === null ? null : one.endMs - t, one.reason])).toEqual([
    [0, 10_000, 'operator'],
    [10_000, 20_000, 'paused'],
    [20_000, 30_000, 'operator'],
    [30_000, 50_000, 'paused'],
    [50_000, null, 'operator'],
  ]);
});

test('a camera whose purge was asked for does not come back, also where one clock says that its grace lasts', async () => {
  const camera = await makeCamera(database.pool);
  const t = camera.createdAtMs;
  await change(camera.id, 'retire', t);
  const request = { by: 'account:admin', cause: 'requested', nowMs: t + 3_600_000 } as const;
  await transaction(database.pool, (tx) => requestPurge(tx, camera.id, request));
  expect(await refusal(change(camera.id, 'reactivate', t + 60_000))).toEqual([
    'wrong-state',
    'The purge of this camera was asked for; it cannot be reactivated.',
  ]);
  expect((await updateCamera(database.pool, camera.id, { name: 'asked for, not begun' })).version).toBeNull();
  await transaction(database.pool, (tx) => beginPurge(tx, camera.id, { nowMs: t + 2 * graceMs }));
  expect(await refusal(updateCamera(database.pool, camera.id, { name: 'begun' }))).toEqual([
    'wrong-state',
    'The purge of this camera has begun; nothing of it can be changed any more.',
  ]);
});

test('a tenant’s end waits for who changes its camera, and keeps nothing from them', async () => {
  const { pool } = database;
  const camera = await makeCamera(pool);
  const { id: tenantId } = await insertTenant(pool, 'School');
  await pool.query(
    `update camera set status = 'purged', intent = 'retired',
       tenant_id = (select id from tenant where public_id = $2) where id = $1`,
    [camera.internalId, tenantId],
  );
  await pool.query(`update tenant set deletion_requested_at = created_at where public_id = $1`, [tenantId]);
  const sealer = createSealer('a secret for tests of certificates');
  const activities = createDeleteTenantActivities({
    db: pool,
    sealer,
    now: Date.now,
    tell: async () => undefined,
  });
  let ending: Promise<unknown> = Promise.resolve();
  await transaction(pool, async (tx) => {
    await lockCamera(tx, camera.id);
    ending = activities.finishTenantDeletion(tenantId).catch((error: unknown) => error);
    await untilSomebodyWaits(pool);
    // The audit log is free: had the other one locked it first, each would wait for the other.
    const deed = { atMs: Date.now(), actor: 'account:admin', action: 'camera.change', cameraId: camera.id } as const;
    await recordDeed(tx, { ...deed, before: { name: 'a' }, after: { name: 'b' } });
  });
  expect(await ending).toEqual({ kind: 'done' });
});

test.each([
  // What the API host's clock says at retirement and return, in days from the camera's creation; the database is right.
  { said: 'is right', retiredAt: 10, backAt: 60, pause: [10, 60] },
  { said: 'is fast', retiredAt: 310, backAt: 360, pause: [10, 360] },
  { said: 'is slow at the return', retiredAt: 10, backAt: 20, pause: [10, 60] },
  { said: 'has the return before the retirement', retiredAt: 10, backAt: 2, pause: [10, 60] },
  { said: 'is slow at both', retiredAt: 5, backAt: 55, pause: [5, 60] },
])('frozen grace counts as age by no clock: the API host $said', async ({ retiredAt, backAt, pause }) => {
  const camera = await makeCamera(database.pool);
  const dayMs = 86_400_000;
  const decide = (action: IntentAction, hereDays: number, thereDays: number) => {
    const [nowMs, thereMs] = [camera.createdAtMs + hereDays * dayMs, camera.createdAtMs + thereDays * dayMs];
    const clocks = { earlierMs: Math.min(nowMs, thereMs), laterMs: Math.max(nowMs, thereMs), databaseMs: thereMs };
    return transaction(database.pool, (tx) => changeIntent(tx, camera.id, action, { graceMs, clocks }));
  };
  await decide('retire', retiredAt, 10);
  await decide('reactivate', backAt, 60);
  const pauses = (await termsOf(database.pool, camera.id))?.pauses ?? [];
  const days = (ms: number | null): number => ((ms ?? 0) - camera.createdAtMs) / dayMs;
  expect(pauses.map(({ startMs, endMs }) => [days(startMs), days(endMs)])).toEqual([pause]);
});

test.each([
  { said: 'behind', skewMs: -86_400_000 },
  { said: 'ahead', skewMs: 86_400_000 },
])('a decision is dated by the database: an API host a day $said hides no loss', async ({ skewMs }) => {
  const camera = await makeCamera(database.pool);
  const t = camera.createdAtMs;
  const decide = (action: IntentAction, databaseMs: number) => {
    const nowMs = databaseMs + skewMs;
    const clocks = { earlierMs: Math.min(nowMs, databaseMs), laterMs: Math.max(nowMs, databaseMs), databaseMs };
    return transaction(database.pool, (tx) => changeIntent(tx, camera.id, action, { graceMs, clocks }));
  };
  for (const [action, seconds] of [
    ['pause', 10],
    ['resume', 20],
    ['retire', 30],
    ['reactivate', 40],
  ] as const) {
    await decide(action, t + seconds * 1000);
    const { stateSinceMs, retiredAtMs } = (await cameraByPublicId(database.pool, camera.id)) ?? {};
    expect([stateSinceMs, retiredAtMs]).toEqual([t + seconds * 1000, action === 'retire' ? t + seconds * 1000 : null]);
  }
  const claims = await claimsBetween(database.pool, camera.id, t - 2 * 86_400_000, t + 2 * 86_400_000);
  expect(claims.map((one) => [one.startMs - t, one.endMs === null ? null : one.endMs - t, one.reason])).toEqual([
    [0, 10_000, 'operator'],
    [10_000, 20_000, 'paused'],
    [20_000, 30_000, 'operator'],
    [30_000, 40_000, 'paused'],
    [40_000, null, 'operator'],
  ]);
});

test('a failed change changes nothing', async () => {
  const camera = await makeCamera(database.pool);
  await expect(
    transaction(database.pool, async (tx) => {
      await changeIntent(tx, camera.id, 'pause', { clocks: clocksAt(camera.createdAtMs), graceMs });
      throw new Error('the process was about to die');
    }),
  ).rejects.toThrow('about to die');
  expect(await cameraByPublicId(database.pool, camera.id)).toMatchObject({ intent: 'record', configVersion: 1 });
  expect((await leaseOf(database.pool, camera.id))?.wanted).toBe(true);
});

test('two people deciding at once: one wins, the other is told', async () => {
  const camera = await makeCamera(database.pool);
  const results = await Promise.allSettled([
    change(camera.id, 'pause', camera.createdAtMs),
    change(camera.id, 'pause', camera.createdAtMs),
  ]);
  expect(results.map((result) => result.status).toSorted()).toEqual(['fulfilled', 'rejected']);
  expect((await cameraByPublicId(database.pool, camera.id))?.configVersion).toBe(2);
});

import { afterAll, beforeAll, expect, test } from 'vitest';
import { changeIntent } from '../../db/camera-changes.ts';
import { beginPurge } from '../../db/purge.ts';
import { cameraForRecording } from '../../db/recorded-cameras.ts';
import { transaction } from '../../db/sql.ts';
import { dayMs, shorteningDelayMs } from '../../domain/retention.ts';
import { changedTenantSchema, tenantList } from '../../api/schemas/account.ts';
import { auditList } from '../../api/schemas/audit.ts';
import { changedCameraSchema } from '../../api/schemas/camera.ts';
import {
  placedHoldSchema,
  retentionChangeSchema,
  retentionPreviewSchema,
  retentionSchema,
} from '../../api/schemas/retention.ts';
import { segmentList } from '../../api/schemas/footage.ts';
import { storeFootage } from '../support/stored-footage.ts';
import { startApi, type ApiUnderTest } from './api-under-test.ts';

const t0 = Date.UTC(2026, 0, 1);
let nowMs = t0;
/** How far the database's clock is ahead of the API's. */
let aheadMs = 0;
let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApi({ now: () => nowMs, databaseNow: async () => nowMs + aheadMs });
});
afterAll(() => api.close());

/** Ten minutes of footage from t0 on, kept for 30 days. */
async function cameraWithFootage(tenantId?: string, retentionDays = 30): Promise<string> {
  const camera = await api.addCamera({ retentionDays });
  const internalId = (await cameraForRecording(api.database.pool, camera.id))?.internalId ?? 0;
  const since = new Date(t0);
  await api.database.pool.query(
    `update camera set created_at = $2,
       tenant_id = coalesce((select id from tenant where public_id = $3::uuid), tenant_id) where id = $1`,
    [internalId, since, tenantId ?? null],
  );
  await api.database.pool.query(`update camera_lease set last_end_at = $2 where camera_id = $1`, [internalId, since]);
  const store = { db: api.database.pool, objects: api.deps.objects };
  for (let i = 0; i < 10; i += 1) await storeFootage(store, { ...camera, internalId }, { startMs: t0 + i * 60_000 });
  return camera.id;
}

/** As the API does, which waits seconds for a workflow that is not there. */
const retire = (id: string): Promise<number> =>
  transaction(api.database.pool, (tx) => changeIntent(tx, id, 'retire', { nowMs, graceMs: 90 * dayMs }));
const iso = (ms: number): string => new Date(ms).toISOString();
async function shownMinutes(id: string): Promise<number[]> {
  const path = `/v1/cameras/${id}/segments?from=${iso(t0)}&to=${iso(t0 + 3_600_000)}`;
  const { items } = segmentList.parse((await api.call('GET', path)).json());
  return items.map(({ startAt }) => (Date.parse(startAt) - t0) / 60_000);
}
const actions = async (id: string): Promise<string[]> =>
  auditList.parse((await api.call('GET', `/v1/audit?cameraId=${id}`)).json()).items.map(({ action }) => action);

test('what has reached its age is not shown from the very moment on, but for what is held', async () => {
  nowMs = t0;
  const id = await cameraWithFootage();
  nowMs = t0 + 30 * dayMs + 4 * 60_000 - 1;
  expect((await shownMinutes(id))[0]).toBe(3);
  nowMs += 1;
  expect((await shownMinutes(id))[0]).toBe(4);
  const body = { cameraId: id, from: iso(t0 + 60_000), to: iso(t0 + 120_000), reason: 'case 7' };
  const held = placedHoldSchema.parse((await api.call('POST', '/v1/holds', body)).json());
  expect(held).toMatchObject({ state: 'active', placedBy: 'api-key:test', beingDeleted: { segments: 0 } });
  expect((await shownMinutes(id)).slice(0, 2)).toEqual([1, 4]);
  const past = await api.call('POST', '/v1/holds', { ...body, until: iso(nowMs) });
  expect([past.statusCode, past.body]).toEqual([400, expect.stringContaining('until: must lie in the future')]);
  expect((await api.call('DELETE', `/v1/holds/${held.id}`)).json()).toMatchObject({ state: 'released' });
  expect((await api.call('DELETE', `/v1/holds/${held.id}`)).statusCode).toBe(409);
  expect((await shownMinutes(id))[0]).toBe(4);
  expect(await actions(id)).toEqual(['hold.release', 'hold.place']);
});

test('shortening says what it will delete, waits, and can be undone; lengthening holds at once', async () => {
  nowMs = t0 + 10 * dayMs;
  const id = await cameraWithFootage();
  const path = `/v1/cameras/${id}/retention`;
  const deletes = { segments: 10, minutes: 10 };
  expect((await api.call('GET', `${path}/preview?days=5`)).json()).toMatchObject({ days: 5, deletes });
  const effectiveAt = iso(nowMs + shorteningDelayMs);
  const shorter = retentionChangeSchema.parse((await api.call('PUT', path, { days: 5 })).json());
  expect(shorter).toMatchObject({ days: 30, next: { days: 5, effectiveAt }, deletes });
  expect(await shownMinutes(id)).toHaveLength(10);
  expect((await api.call('DELETE', `${path}/next`)).json()).toMatchObject({ days: 30, next: null });
  const longer = retentionSchema.parse((await api.call('PUT', path, { months: 12 })).json());
  expect(longer).toMatchObject({ days: 366, next: null, keptFrom: iso(nowMs - 366 * dayMs) });
  const patch = async (body: object) =>
    changedCameraSchema.parse((await api.call('PATCH', `/v1/cameras/${id}`, body)).json()).deletes;
  expect(await patch({ retentionDays: 7 })).toMatchObject(deletes);
  expect((await api.call('GET', path)).json()).toMatchObject({ days: 366, next: { days: 7 } });
  expect(await patch({ name: 'Yard 3' })).toBeUndefined();
  expect(await patch({ retentionDays: 366 })).toEqual({ segments: 0, minutes: 0, bytes: 0 });
  expect((await api.call('PUT', path, { days: 0 })).statusCode).toBe(400);
});

test('a shorter retention is put off by no wish for as much, and by none undone once its time has come', async () => {
  nowMs = t0 + 10 * dayMs;
  const id = await cameraWithFootage();
  const path = `/v1/cameras/${id}/retention`;
  const effectiveAt = iso(nowMs + shorteningDelayMs);
  for (let day = 0; day < 3; day += 1, nowMs += dayMs) {
    await api.call('PATCH', `/v1/cameras/${id}`, { retentionDays: 5 });
    expect((await api.call('GET', path)).json()).toMatchObject({ days: 30, next: { days: 5, effectiveAt } });
    const preview = (await api.call('GET', `${path}/preview?days=6`)).json();
    expect(preview).toMatchObject({ effectiveAt, deletes: { minutes: 10 } });
  }
  // No sweep has put it in force.
  expect(await shownMinutes(id)).toEqual([]);
  const next = { days: 4, effectiveAt: iso(nowMs + shorteningDelayMs) };
  expect((await api.call('GET', `${path}/preview?days=4`)).json()).toMatchObject({ ...next, deletes: { minutes: 0 } });
  expect((await api.call('PUT', path, { days: 4 })).json()).toMatchObject({ days: 5, next });
  expect(await shownMinutes(id)).toEqual([]);
  nowMs += shorteningDelayMs;
  expect((await api.call('DELETE', `${path}/next`)).json()).toMatchObject({ days: 4, next: null });
  expect(await shownMinutes(id)).toEqual([]);
  expect((await actions(id))[0]).toBe('retention.change');
});

test('each change of a retention is in the audit log with before and after, also by PATCH', async () => {
  nowMs = t0 + 10 * dayMs;
  const { id } = await api.addCamera();
  const patch = (body: object) => api.call('PATCH', `/v1/cameras/${id}`, body);
  await patch({ retentionDays: 7 });
  await patch({ retentionDays: 30 }); // what it is: takes back the seven
  await api.call('PUT', `/v1/cameras/${id}/retention`, { days: 60 });
  await patch({ name: 'Yard 2' });
  const { items } = auditList.parse((await api.call('GET', `/v1/audit?cameraId=${id}`)).json());
  const changes = items.filter(({ action }) => action.startsWith('retention.')).toReversed();
  const [thirty, sixty] = [{ retentionDays: 30, nextRetentionDays: null }, { retentionDays: 60 }];
  const seven = { retentionDays: 30, nextRetentionDays: 7, nextRetentionAt: iso(nowMs + shorteningDelayMs) };
  expect(changes).toMatchObject([
    { action: 'retention.change', actor: 'api-key:test', before: thirty, after: seven },
    { action: 'retention.undo', before: seven, after: thirty },
    { action: 'retention.change', before: thirty, after: sixty },
  ]);
  expect(items.filter(({ action }) => action === 'camera.change')).toHaveLength(3);
});

test.each([400 * dayMs, -400 * dayMs])(
  'delay and grace begin by the later clock (database %d ms ahead), and grace is over by the earlier one',
  async (skewMs) => {
    nowMs = t0 + 10 * dayMs;
    aheadMs = skewMs;
    const laterMs = nowMs + Math.max(0, skewMs);
    const id = await cameraWithFootage();
    const effectiveAt = iso(laterMs + shorteningDelayMs);
    const path = `/v1/cameras/${id}/retention`;
    expect((await api.call('GET', `${path}/preview?days=5`)).json()).toMatchObject({ effectiveAt });
    expect((await api.call('PUT', path, { days: 5 })).json()).toMatchObject({ next: { days: 5, effectiveAt } });
    await api.call('PATCH', `/v1/cameras/${id}`, { retentionDays: 6 });
    expect((await api.call('GET', path)).json()).toMatchObject({ next: { days: 6, effectiveAt } });
    expect((await api.call('DELETE', `${path}/next`)).json()).toMatchObject({ next: null });
    const graceEndsAt = iso(laterMs + 90 * dayMs);
    expect((await api.call('POST', `/v1/cameras/${id}/retire`)).json()).toMatchObject({ graceEndsAt });
    // One clock says that it is over: it can still be undone.
    nowMs = laterMs + 90 * dayMs - Math.max(0, skewMs);
    expect((await api.call('POST', `/v1/cameras/${id}/reactivate`)).statusCode).toBeLessThan(300);
    aheadMs = 0;
  },
);

test('the preview tells what goes when, and a hold takes it out', async () => {
  nowMs = t0 + 28 * dayMs;
  const id = await cameraWithFootage();
  const preview = async () =>
    retentionPreviewSchema.parse((await api.call('GET', `/v1/retention/preview?days=7&cameraId=${id}`)).json());
  const [camera] = (await preview()).items;
  expect(camera).toMatchObject({ minutes: 10, segments: 10, retentionDays: 30 });
  expect(camera?.steps).toMatchObject([{ by: iso(t0 + 31 * dayMs), minutes: 10 }]);
  const until = iso(t0 + 32 * dayMs);
  const body = { cameraId: id, from: iso(t0), to: iso(t0 + 90_000), reason: 'case 8', until };
  await api.call('POST', '/v1/holds', body);
  expect((await preview()).items[0]?.steps).toMatchObject([
    { by: iso(t0 + 31 * dayMs), minutes: 8 },
    { by: until, minutes: 2 },
  ]);
});

test('the preview lists what purges delete, once the end of grace is in its range', async () => {
  nowMs = t0 + 10 * dayMs;
  const id = await cameraWithFootage();
  await retire(id);
  const graceEndsMs = nowMs + 90 * dayMs;
  const preview = async () =>
    retentionPreviewSchema.parse((await api.call('GET', `/v1/retention/preview?days=7&cameraId=${id}`)).json());
  expect(await preview()).toMatchObject({ minutes: 0, items: [], purges: [] });
  nowMs = graceEndsMs - 7 * dayMs;
  const ten = { cameraId: id, state: 'grace', segments: 10, minutes: 10, bytes: expect.any(Number) };
  expect(await preview()).toMatchObject({ minutes: 0, items: [], purges: [{ ...ten, at: iso(graceEndsMs) }] });
  const until = iso(graceEndsMs + dayMs);
  const body = { cameraId: id, from: iso(t0), to: iso(t0 + 90_000), reason: 'case 9' };
  await api.call('POST', '/v1/holds', { ...body, until });
  expect((await preview()).purges).toMatchObject([{ ...ten, at: until }]);
  const endless = placedHoldSchema.parse((await api.call('POST', '/v1/holds', body)).json());
  expect((await preview()).purges).toMatchObject([{ ...ten, at: null }]);
  await api.call('DELETE', `/v1/holds/${endless.id}`);

  nowMs = graceEndsMs + 2 * dayMs;
  await transaction(api.database.pool, (tx) => beginPurge(tx, id, { nowMs }));
  const began = { ...ten, state: 'purging', at: iso(nowMs) };
  nowMs += dayMs;
  expect((await preview()).purges).toMatchObject([began]);
  await api.database.pool.query(`update camera set status = 'purged' where public_id = $1`, [id]);
  expect((await api.call('GET', `/v1/retention/preview?days=7&cameraId=${id}`)).statusCode).toBe(404);
});

test('in rolling grace a minute is previewed once: with its age or with the purge, whichever comes first', async () => {
  nowMs = t0;
  const id = await cameraWithFootage();
  const internalId = (await cameraForRecording(api.database.pool, id))?.internalId ?? 0;
  const { tenantId } = (await api.call('GET', `/v1/cameras/${id}`)).json<{ tenantId: string }>();
  const store = { db: api.database.pool, objects: api.deps.objects };
  for (let i = 0; i < 5; i += 1) {
    await storeFootage(store, { id, tenantId, internalId }, { startMs: t0 + 4 * dayMs + i * 60_000 });
  }
  await api.call('PUT', `/v1/cameras/${id}/retention`, { days: 97 });
  nowMs = t0 + 10 * dayMs;
  await retire(id);
  // In force by the time that is looked at, though no sweep has put it there.
  await api.call('PATCH', `/v1/tenants/${tenantId}`, { graceArchive: 'rolling' });
  // Its grace ends on day 100: ten minutes have reached their age by then, five would on day 101.
  nowMs = t0 + 95 * dayMs;
  const preview = async () =>
    retentionPreviewSchema.parse((await api.call('GET', `/v1/retention/preview?days=7&cameraId=${id}`)).json());
  const ten = { segments: 10, minutes: 10 };
  const purge = { state: 'grace', at: iso(t0 + 100 * dayMs) };
  expect(await preview()).toMatchObject({
    ...ten,
    items: [{ ...ten, steps: [{ ...ten, by: iso(t0 + 98 * dayMs) }] }],
    purges: [{ ...purge, segments: 5, minutes: 5 }],
  });
  await api.call('PATCH', `/v1/tenants/${tenantId}`, { graceArchive: 'frozen' });
  const fifteen = { segments: 15, minutes: 15 };
  expect(await preview()).toMatchObject({ minutes: 0, items: [], purges: [{ ...purge, ...fifteen }] });
});

test('in grace footage does not age, unless the tenant wants it to', async () => {
  nowMs = t0 + 20 * dayMs;
  const id = await cameraWithFootage();
  await retire(id);
  nowMs = t0 + 60 * dayMs;
  expect((await api.call('GET', `/v1/cameras/${id}/retention`)).json()).toMatchObject({ frozen: true });
  expect(await shownMinutes(id)).toHaveLength(10);
  const { tenantId } = (await api.call('GET', `/v1/cameras/${id}`)).json<{ tenantId: string }>();
  const change = async (graceArchive: string) =>
    changedTenantSchema.parse((await api.call('PATCH', `/v1/tenants/${tenantId}`, { graceArchive })).json());
  await change('rolling');
  nowMs += shorteningDelayMs;
  expect((await api.call('GET', `/v1/cameras/${id}/retention`)).json()).toMatchObject({ frozen: false });
  expect(await shownMinutes(id)).toEqual([]);
  await change('frozen');
  expect((await api.call('POST', `/v1/cameras/${id}/reactivate`)).statusCode).toBeLessThan(300);
  expect(await shownMinutes(id)).toHaveLength(10);
});

test('an archive that is to age in grace says what that will delete, waits, and can be undone', async () => {
  nowMs = t0 + 20 * dayMs;
  const tenantId = (await api.call('POST', '/v1/tenants', { name: 'Careful school' })).json<{ id: string }>().id;
  const [id, purgedFirst, records] = [
    await cameraWithFootage(tenantId),
    await cameraWithFootage(tenantId),
    await cameraWithFootage(tenantId, 366),
  ];
  for (const one of [id, purgedFirst]) await retire(one);
  nowMs = t0 + 60 * dayMs;
  const soon = new Date(nowMs + dayMs);
  await api.database.pool.query(`update camera set grace_ends_at = $2 where public_id = $1`, [purgedFirst, soon]);
  const held = { cameraId: id, from: iso(t0), to: iso(t0 + 120_000), reason: 'case 10' };
  await api.call('POST', '/v1/holds', held);
  const effectiveAt = iso(nowMs + shorteningDelayMs);
  const eight = { segments: 8, minutes: 8, bytes: expect.any(Number) };
  const deletes = { ...eight, cameras: [{ cameraId: id, name: expect.any(String), ...eight }] };
  const path = `/v1/tenants/${tenantId}`;
  expect((await api.call('GET', `${path}/grace-archive/preview`)).json()).toEqual({ effectiveAt, deletes });
  const change = async (graceArchive: string) =>
    changedTenantSchema.parse((await api.call('PATCH', path, { graceArchive })).json());
  const waiting = { graceArchive: 'frozen', next: { graceArchive: 'rolling', effectiveAt } };
  expect(await change('rolling')).toMatchObject({ ...waiting, deletes });
  nowMs += dayMs;
  expect(await change('rolling')).toMatchObject(waiting); // asked for again it comes no later
  const { items } = tenantList.parse((await api.call('GET', '/v1/tenants')).json());
  expect(items.find((one) => one.id === tenantId)).toMatchObject(waiting);
  const kept = async () => (await api.call('GET', `/v1/cameras/${id}/retention`)).json<object>();
  expect(await kept()).toMatchObject({ frozen: true, frozenUntil: effectiveAt });
  const preview = await api.call('GET', `/v1/retention/preview?days=7&cameraId=${id}`);
  expect(preview.json()).toMatchObject({ items: [{ ...eight, steps: [{ by: effectiveAt, ...eight }] }] });
  expect(await shownMinutes(id)).toHaveLength(10);
  expect(await change('frozen')).toMatchObject({ graceArchive: 'frozen', next: null, deletes: { cameras: [] } });
  expect(await kept()).toMatchObject({ frozen: true, frozenUntil: null });
  nowMs += shorteningDelayMs;
  expect([await shownMinutes(id), await shownMinutes(records)]).toMatchObject({ 0: { length: 10 }, 1: { length: 10 } });
  const entries = auditList.parse((await api.call('GET', `/v1/audit?tenantId=${tenantId}`)).json()).items;
  const changes = entries.filter(({ action }) => action === 'tenant.change').toReversed();
  const [now, later] = [
    { graceArchive: 'frozen', rollingFrom: null },
    { graceArchive: 'frozen', rollingFrom: effectiveAt },
  ];
  expect(changes).toMatchObject([
    { before: now, after: later },
    { before: later, after: later },
    { before: later, after: now },
  ]);
});

test('a sweep that is not stopped cannot be resumed', async () => {
  expect((await api.call('GET', '/v1/retention/sweep')).json()).toMatchObject({ stopped: null });
  expect((await api.call('POST', '/v1/retention/sweep/resume')).statusCode).toBe(409);
});

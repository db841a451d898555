import { afterAll, beforeAll, expect, test } from 'vitest';
import { auditList } from '../../api/schemas/audit.ts';
import { changedCameraSchema } from '../../api/schemas/camera.ts';
import {
  placedHoldSchema,
  retentionChangeSchema,
  retentionPreviewSchema,
  retentionSchema,
} from '../../api/schemas/retention.ts';
import { beginPurge } from '../../db/purge.ts';
import { transaction } from '../../db/sql.ts';
import { dayMs, shorteningDelayMs } from '../../domain/retention.ts';
import { createRetentionSite, iso, t0, type RetentionSite } from './retention-site.ts';

let site: RetentionSite;
beforeAll(async () => {
  site = await createRetentionSite();
});
afterAll(() => site.api.close());

test('what has reached its age is not shown from the very moment on, but for what is held', async () => {
  site.clock.nowMs = t0;
  const id = await site.cameraWithFootage();
  site.clock.nowMs = t0 + 30 * dayMs + 4 * 60_000 - 1;
  expect((await site.shownMinutes(id))[0]).toBe(3);
  site.clock.nowMs += 1;
  expect((await site.shownMinutes(id))[0]).toBe(4);
  const body = { cameraId: id, from: iso(t0 + 60_000), to: iso(t0 + 120_000), reason: 'case 7' };
  const held = placedHoldSchema.parse((await site.api.call('POST', '/v1/holds', body)).json());
  expect(held).toMatchObject({ state: 'active', placedBy: 'api-key:test', beingDeleted: { segments: 0 } });
  expect((await site.shownMinutes(id)).slice(0, 2)).toEqual([1, 4]);
  const past = await site.api.call('POST', '/v1/holds', { ...body, until: iso(site.clock.nowMs) });
  expect([past.statusCode, past.body]).toEqual([400, expect.stringContaining('until: must lie in the future')]);
  expect((await site.api.call('DELETE', `/v1/holds/${held.id}`)).json()).toMatchObject({ state: 'released' });
  expect((await site.api.call('DELETE', `/v1/holds/${held.id}`)).statusCode).toBe(409);
  expect((await site.shownMinutes(id))[0]).toBe(4);
  expect(await site.actions(id)).toEqual(['hold.release', 'hold.place']);
});

test('shortening says what it will delete, waits, and can be undone; lengthening holds at once', async () => {
  site.clock.nowMs = t0 + 10 * dayMs;
  const id = await site.cameraWithFootage();
  const path = `/v1/cameras/${id}/retention`;
  const deletes = { segments: 10, minutes: 10 };
  expect((await site.api.call('GET', `${path}/preview?days=5`)).json()).toMatchObject({ days: 5, deletes });
  const effectiveAt = iso(site.clock.nowMs + shorteningDelayMs);
  const shorter = retentionChangeSchema.parse((await site.api.call('PUT', path, { days: 5 })).json());
  expect(shorter).toMatchObject({ days: 30, next: { days: 5, effectiveAt }, deletes });
  expect(await site.shownMinutes(id)).toHaveLength(10);
  site.clock.nowMs += dayMs;
  const sooner = [{ days: 5, effectiveAt }];
  const four = { days: 4, effectiveAt: iso(site.clock.nowMs + shorteningDelayMs) };
  const both = retentionChangeSchema.parse((await site.api.call('PUT', path, { days: 4 })).json());
  expect(both).toMatchObject({ days: 30, next: { ...four, sooner }, deletes });
  const five = (await site.api.call('PUT', path, { days: 5 })).json<object>(); // by turns: it comes when it was to come
  expect(five).toMatchObject({ days: 30, next: { ...sooner[0], sooner: [] } });
  expect((await site.api.call('DELETE', `${path}/next`)).json()).toMatchObject({ days: 30, next: null });
  const longer = retentionSchema.parse((await site.api.call('PUT', path, { months: 12 })).json());
  expect(longer).toMatchObject({ days: 366, next: null, keptFrom: iso(site.clock.nowMs - 366 * dayMs) });
  const patch = async (body: object) =>
    changedCameraSchema.parse((await site.api.call('PATCH', `/v1/cameras/${id}`, body)).json()).deletes;
  expect(await patch({ retentionDays: 7 })).toMatchObject(deletes);
  expect((await site.api.call('GET', path)).json()).toMatchObject({ days: 366, next: { days: 7 } });
  expect(await patch({ name: 'Yard 3' })).toBeUndefined();
  expect(await patch({ retentionDays: 366 })).toEqual({ segments: 0, minutes: 0, bytes: 0 });
  expect((await site.api.call('PUT', path, { days: 0 })).statusCode).toBe(400);
});

test('a shorter retention is put off by no wish for as much, and by none undone once its time has come', async () => {
  site.clock.nowMs = t0 + 10 * dayMs;
  const id = await site.cameraWithFootage();
  const path = `/v1/cameras/${id}/retention`;
  const effectiveAt = iso(site.clock.nowMs + shorteningDelayMs);
  for (let day = 0; day < 3; day += 1, site.clock.nowMs += dayMs) {
    await site.api.call('PATCH', `/v1/cameras/${id}`, { retentionDays: 5 });
    expect((await site.api.call('GET', path)).json()).toMatchObject({ days: 30, next: { days: 5, effectiveAt } });
    const preview = (await site.api.call('GET', `${path}/preview?days=6`)).json();
    expect(preview).toMatchObject({ effectiveAt, deletes: { minutes: 10 } });
  }
  // No sweep has put it in force.
  expect(await site.shownMinutes(id)).toEqual([]);
  const next = { days: 4, effectiveAt: iso(site.clock.nowMs + shorteningDelayMs) };
  expect((await site.api.call('GET', `${path}/preview?days=4`)).json()).toMatchObject({
    ...next,
    deletes: { minutes: 0 },
  });
  expect((await site.api.call('PUT', path, { days: 4 })).json()).toMatchObject({ days: 5, next });
  expect(await site.shownMinutes(id)).toEqual([]);
  site.clock.nowMs += shorteningDelayMs;
  expect((await site.api.call('DELETE', `${path}/next`)).json()).toMatchObject({ days: 4, next: null });
  expect(await site.shownMinutes(id)).toEqual([]);
  expect((await site.actions(id))[0]).toBe('retention.change');
});

test('each change of a retention is in the audit log with before and after, also by PATCH', async () => {
  site.clock.nowMs = t0 + 10 * dayMs;
  const { id } = await site.api.addCamera();
  const patch = (body: object) => site.api.call('PATCH', `/v1/cameras/${id}`, body);
  await patch({ retentionDays: 7 });
  await patch({ retentionDays: 30 }); // what it is: takes back the seven
  await site.api.call('PUT', `/v1/cameras/${id}/retention`, { days: 60 });
  await patch({ name: 'Yard 2' });
  const { items } = auditList.parse((await site.api.call('GET', `/v1/audit?cameraId=${id}`)).json());
  const changes = items.filter(({ action }) => action.startsWith('retention.')).toReversed();
  const [thirty, sixty] = [{ retentionDays: 30, nextRetentionDays: null }, { retentionDays: 60 }];
  const seven = { retentionDays: 30, nextRetentionDays: 7, nextRetentionAt: iso(site.clock.nowMs + shorteningDelayMs) };
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
    site.clock.nowMs = t0 + 10 * dayMs;
    site.clock.aheadMs = skewMs;
    const laterMs = site.clock.nowMs + Math.max(0, skewMs);
    const id = await site.cameraWithFootage();
    const effectiveAt = iso(laterMs + shorteningDelayMs);
    const path = `/v1/cameras/${id}/retention`;
    expect((await site.api.call('GET', `${path}/preview?days=5`)).json()).toMatchObject({ effectiveAt });
    expect((await site.api.call('PUT', path, { days: 5 })).json()).toMatchObject({ next: { days: 5, effectiveAt } });
    await site.api.call('PATCH', `/v1/cameras/${id}`, { retentionDays: 6 });
    expect((await site.api.call('GET', path)).json()).toMatchObject({ next: { days: 6, effectiveAt } });
    expect((await site.api.call('DELETE', `${path}/next`)).json()).toMatchObject({ next: null });
    const graceEndsAt = iso(laterMs + 90 * dayMs);
    expect((await site.api.call('POST', `/v1/cameras/${id}/retire`)).json()).toMatchObject({ graceEndsAt });
    // One clock says that it is over: it can still be undone.
    site.clock.nowMs = laterMs + 90 * dayMs - Math.max(0, skewMs);
    expect((await site.api.call('POST', `/v1/cameras/${id}/reactivate`)).statusCode).toBeLessThan(300);
    site.clock.aheadMs = 0;
  },
);

test('the preview tells what goes when, and a hold takes it out', async () => {
  site.clock.nowMs = t0 + 28 * dayMs;
  const id = await site.cameraWithFootage();
  const preview = async () =>
    retentionPreviewSchema.parse((await site.api.call('GET', `/v1/retention/preview?days=7&cameraId=${id}`)).json());
  const [camera] = (await preview()).items;
  expect(camera).toMatchObject({ minutes: 10, segments: 10, retentionDays: 30 });
  expect(camera?.steps).toMatchObject([{ by: iso(t0 + 31 * dayMs), minutes: 10 }]);
  const until = iso(t0 + 32 * dayMs);
  const body = { cameraId: id, from: iso(t0), to: iso(t0 + 90_000), reason: 'case 8', until };
  await site.api.call('POST', '/v1/holds', body);
  expect((await preview()).items[0]?.steps).toMatchObject([
    { by: iso(t0 + 31 * dayMs), minutes: 8 },
    { by: until, minutes: 2 },
  ]);
});

test('the preview lists what purges delete, once the end of grace is in its range', async () => {
  site.clock.nowMs = t0 + 10 * dayMs;
  const id = await site.cameraWithFootage();
  await site.retire(id);
  const graceEndsMs = site.clock.nowMs + 90 * dayMs;
  const preview = async () =>
    retentionPreviewSchema.parse((await site.api.call('GET', `/v1/retention/preview?days=7&cameraId=${id}`)).json());
  expect(await preview()).toMatchObject({ minutes: 0, items: [], purges: [] });
  site.clock.nowMs = graceEndsMs - 7 * dayMs;
  const ten = { cameraId: id, state: 'grace', segments: 10, minutes: 10, bytes: expect.any(Number) };
  expect(await preview()).toMatchObject({ minutes: 0, items: [], purges: [{ ...ten, at: iso(graceEndsMs) }] });
  const until = iso(graceEndsMs + dayMs);
  const body = { cameraId: id, from: iso(t0), to: iso(t0 + 90_000), reason: 'case 9' };
  await site.api.call('POST', '/v1/holds', { ...body, until });
  expect((await preview()).purges).toMatchObject([{ ...ten, at: until }]);
  const endless = placedHoldSchema.parse((await site.api.call('POST', '/v1/holds', body)).json());
  expect((await preview()).purges).toMatchObject([{ ...ten, at: null }]);
  await site.api.call('DELETE', `/v1/holds/${endless.id}`);

  site.clock.nowMs = graceEndsMs + 2 * dayMs;
  await transaction(site.api.database.pool, (tx) => beginPurge(tx, id, { nowMs: site.clock.nowMs }));
  const began = { ...ten, state: 'purging', at: iso(site.clock.nowMs) };
  site.clock.nowMs += dayMs;
  expect((await preview()).purges).toMatchObject([began]);
  await site.api.database.pool.query(`update camera set status = 'purged' where public_id = $1`, [id]);
  expect((await site.api.call('GET', `/v1/retention/preview?days=7&cameraId=${id}`)).statusCode).toBe(404);
});

test('a sweep that is not stopped cannot be resumed', async () => {
  expect((await site.api.call('GET', '/v1/retention/sweep')).json()).toMatchObject({ stopped: null });
  expect((await site.api.call('POST', '/v1/retention/sweep/resume')).statusCode).toBe(409);
});

import { afterAll, beforeAll, expect, test } from 'vitest';
import { changedTenantSchema, tenantList } from '../../api/schemas/account.ts';
import { auditList } from '../../api/schemas/audit.ts';
import { retentionPreviewSchema } from '../../api/schemas/retention.ts';
import { cameraForRecording } from '../../db/recorded-cameras.ts';
import { transaction } from '../../db/sql.ts';
import { dayMs, shorteningDelayMs } from '../../domain/retention.ts';
import { untilSomebodyWaits } from '../support/lock-wait.ts';
import { storeFootage } from '../support/stored-footage.ts';
import { createRetentionSite, iso, t0, type RetentionSite } from './retention-site.ts';

let site: RetentionSite;
beforeAll(async () => {
  site = await createRetentionSite();
});
afterAll(() => site.api.close());

test('in rolling grace a minute is previewed once: with its age or with the purge, whichever comes first', async () => {
  site.clock.nowMs = t0;
  const id = await site.cameraWithFootage();
  const internalId = (await cameraForRecording(site.api.database.pool, id))?.internalId ?? 0;
  const { tenantId } = (await site.api.call('GET', `/v1/cameras/${id}`)).json<{ tenantId: string }>();
  const store = { db: site.api.database.pool, objects: site.api.deps.objects };
  for (let i = 0; i < 5; i += 1) {
    await storeFootage(store, { id, tenantId, internalId }, { startMs: t0 + 4 * dayMs + i * 60_000 });
  }
  await site.api.call('PUT', `/v1/cameras/${id}/retention`, { days: 97 });
  site.clock.nowMs = t0 + 10 * dayMs;
  await site.retire(id);
  // In force by the time that is looked at, though no sweep has put it there.
  await site.api.call('PATCH', `/v1/tenants/${tenantId}`, { graceArchive: 'rolling' });
  // Its grace ends on day 100: ten minutes have reached their age by then, five would on day 101.
  site.clock.nowMs = t0 + 95 * dayMs;
  const preview = async () =>
    retentionPreviewSchema.parse((await site.api.call('GET', `/v1/retention/preview?days=7&cameraId=${id}`)).json());
  const ten = { segments: 10, minutes: 10 };
  const purge = { state: 'grace', at: iso(t0 + 100 * dayMs) };
  expect(await preview()).toMatchObject({
    ...ten,
    items: [{ ...ten, steps: [{ ...ten, by: iso(t0 + 98 * dayMs) }] }],
    purges: [{ ...purge, segments: 5, minutes: 5 }],
  });
  await site.api.call('PATCH', `/v1/tenants/${tenantId}`, { graceArchive: 'frozen' });
  const fifteen = { segments: 15, minutes: 15 };
  expect(await preview()).toMatchObject({ minutes: 0, items: [], purges: [{ ...purge, ...fifteen }] });
});

test('in grace footage does not age, unless the tenant wants it to', async () => {
  site.clock.nowMs = t0 + 20 * dayMs;
  const id = await site.cameraWithFootage();
  await site.retire(id);
  site.clock.nowMs = t0 + 60 * dayMs;
  expect((await site.api.call('GET', `/v1/cameras/${id}/retention`)).json()).toMatchObject({ frozen: true });
  expect(await site.shownMinutes(id)).toHaveLength(10);
  const { tenantId } = (await site.api.call('GET', `/v1/cameras/${id}`)).json<{ tenantId: string }>();
  const change = async (graceArchive: string) =>
    changedTenantSchema.parse((await site.api.call('PATCH', `/v1/tenants/${tenantId}`, { graceArchive })).json());
  await change('rolling');
  site.clock.nowMs += shorteningDelayMs;
  expect((await site.api.call('GET', `/v1/cameras/${id}/retention`)).json()).toMatchObject({ frozen: false });
  expect(await site.shownMinutes(id)).toEqual([]);
  await change('frozen');
  expect((await site.api.call('POST', `/v1/cameras/${id}/reactivate`)).statusCode).toBeLessThan(300);
  expect(await site.shownMinutes(id)).toHaveLength(10);
});

test('an archive that is to age in grace says what that will delete, waits, and can be undone', async () => {
  site.clock.nowMs = t0 + 20 * dayMs;
  const tenantId = (await site.api.call('POST', '/v1/tenants', { name: 'Careful school' })).json<{ id: string }>().id;
  const [id, purgedFirst, records] = [
    await site.cameraWithFootage(tenantId),
    await site.cameraWithFootage(tenantId),
    await site.cameraWithFootage(tenantId, 366),
  ];
  for (const one of [id, purgedFirst]) await site.retire(one);
  site.clock.nowMs = t0 + 60 * dayMs;
  const soon = new Date(site.clock.nowMs + dayMs);
  await site.api.database.pool.query(`update camera set grace_ends_at = $2 where public_id = $1`, [purgedFirst, soon]);
  const held = { cameraId: id, from: iso(t0), to: iso(t0 + 120_000), reason: 'case 10' };
  await site.api.call('POST', '/v1/holds', held);
  const effectiveAt = iso(site.clock.nowMs + shorteningDelayMs);
  const eight = { segments: 8, minutes: 8, bytes: expect.any(Number) };
  const deletes = { ...eight, cameras: [{ cameraId: id, name: expect.any(String), ...eight }] };
  const path = `/v1/tenants/${tenantId}`;
  expect((await site.api.call('GET', `${path}/grace-archive/preview`)).json()).toEqual({ effectiveAt, deletes });
  const change = async (graceArchive: string) =>
    changedTenantSchema.parse((await site.api.call('PATCH', path, { graceArchive })).json());
  const waiting = { graceArchive: 'frozen', next: { graceArchive: 'rolling', effectiveAt } };
  expect(await change('rolling')).toMatchObject({ ...waiting, deletes });
  site.clock.nowMs += dayMs;
  expect(await change('rolling')).toMatchObject(waiting); // asked for again it comes no later
  const { items } = tenantList.parse((await site.api.call('GET', '/v1/tenants')).json());
  expect(items.find((one) => one.id === tenantId)).toMatchObject(waiting);
  const kept = async () => (await site.api.call('GET', `/v1/cameras/${id}/retention`)).json<object>();
  expect(await kept()).toMatchObject({ frozen: true, frozenUntil: effectiveAt });
  const preview = await site.api.call('GET', `/v1/retention/preview?days=7&cameraId=${id}`);
  expect(preview.json()).toMatchObject({ items: [{ ...eight, steps: [{ by: effectiveAt, ...eight }] }] });
  expect(await site.shownMinutes(id)).toHaveLength(10);
  expect(await change('frozen')).toMatchObject({ graceArchive: 'frozen', next: null, deletes: { cameras: [] } });
  expect(await kept()).toMatchObject({ frozen: true, frozenUntil: null });
  site.clock.nowMs += shorteningDelayMs;
  expect([await site.shownMinutes(id), await site.shownMinutes(records)]).toMatchObject({
    0: { length: 10 },
    1: { length: 10 },
  });
  const entries = auditList.parse((await site.api.call('GET', `/v1/audit?tenantId=${tenantId}`)).json()).items;
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

test('while what a change deletes is counted, nothing waits for its camera or tenant', async () => {
  site.clock.nowMs = t0 + 20 * dayMs;
  const { api } = site;
  const tenantId = (await api.call('POST', '/v1/tenants', { name: 'Busy school' })).json<{ id: string }>().id;
  const [id, retired] = [await site.cameraWithFootage(tenantId), await site.cameraWithFootage(tenantId)];
  await site.retire(retired);
  site.clock.nowMs = t0 + 60 * dayMs;
  for (const [method, path, body] of [
    ['PUT', `/v1/cameras/${id}/retention`, { days: 29 }],
    ['PATCH', `/v1/tenants/${tenantId}`, { graceArchive: 'rolling', graceDays: 50 }],
    ['PATCH', `/v1/tenants/${tenantId}`, { graceDays: 40 }],
  ] as const) {
    const answer = await transaction(api.database.pool, async (tx) => {
      await tx.query('lock table segment'); // the count stands
      const answered = api.call(method, path, body);
      await untilSomebodyWaits(api.database.pool);
      await tx.query(`select from tenant where public_id = $1 for update nowait`, [tenantId]);
      await tx.query(`select from camera where public_id = $1 for update nowait`, [id]);
      return { answered };
    });
    const { deletes } = (await answer.answered).json<{ deletes: object }>();
    expect(deletes).toMatchObject(method === 'PUT' ? { minutes: 0 } : { minutes: 10 });
  }
});

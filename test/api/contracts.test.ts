import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createDeleteTenantActivities } from '../../activities/delete-tenant.ts';
import { createEndContractsActivities } from '../../activities/end-contracts.ts';
import { auditList } from '../../api/schemas/audit.ts';
import { defaultTenant } from '../../db/tenants.ts';
import { dayMs } from '../../domain/retention.ts';
import { createLifecycleSite, idOf, type LifecycleSite } from './lifecycle-site.ts';

const problem = z.object({ errors: z.array(z.object({ path: z.string() })) });
let storeNowMs: number | null = null;
let site: LifecycleSite;
beforeAll(async () => {
  site = await createLifecycleSite();
});
afterAll(() => site.api.close());

/** Who did what to a camera, the first first. */
async function deedsOf(cameraId: string): Promise<string[]> {
  const { items } = auditList.parse((await site.api.call('GET', `/v1/audit?cameraId=${cameraId}`)).json());
  return items.map(({ actor, action }) => `${actor} ${action}`).toReversed();
}

describe('contracts', () => {
  const told: string[] = [];
  const upkeep = () =>
    createEndContractsActivities({
      db: site.api.database.pool,
      objects: site.api.deps.objects,
      graceMs: 90 * dayMs,
      now: () => site.clock.nowMs,
      databaseNow: async () => site.clock.databaseNowMs ?? site.clock.nowMs,
      storeNow: async () => storeNowMs ?? site.clock.nowMs,
      log: site.api.deps.log,
      tell: async ({ cameraId }) => {
        told.push(cameraId);
      },
      startTenantDeletion: async () => undefined,
    });

  test('explain price and exit fee; after the last day the cameras are in grace', async () => {
    const tenantId = await site.made('/v1/tenants', { name: 'School' });
    const cameras = [await site.cameraOf(tenantId, 30), await site.cameraOf(tenantId, 365)];
    const id = await site.made('/v1/contracts', { tenantId, startsOn: '2026-01-01', prepayMonths: 12 });
    expect((await site.api.call('POST', '/v1/contracts', { tenantId, startsOn: '2026-02-01' })).statusCode).toBe(409);
    expect((await site.api.call('GET', `/v1/contracts/${id}`)).json()).toMatchObject({
      termEndsOn: '2026-12-31',
      noticeDays: 30,
      monthly: [{ cents: 1200 }, { cents: 3400 }, { cents: -460 }, { text: 'a month', cents: 4140 }],
      // 15 January and 30 days' notice: 14 February; the 10.5 months after it are 11 begun ones.
      exitFee: { cents: 11 * 1500 },
    });
    const ended = await site.api.call('POST', `/v1/contracts/${id}/end`, { reason: 'early' });
    expect(ended.json()).toMatchObject({ endsOn: '2026-02-14', endReason: 'early', exitFee: { cents: 11 * 1500 } });
    site.clock.nowMs = Date.UTC(2026, 1, 14, 23);
    expect(await upkeep().endContracts()).toEqual({ contracts: 0, cameras: 0 });
    site.clock.nowMs = Date.UTC(2026, 1, 15);
    site.clock.databaseNowMs = site.clock.nowMs - 1; // over by one clock only
    expect(await upkeep().endContracts()).toEqual({ contracts: 0, cameras: 0 });
    site.clock.databaseNowMs = null;
    storeNowMs = site.clock.nowMs - dayMs; // two that are wrong together are given away by the third
    expect(await upkeep().endContracts()).toEqual({ contracts: 0, cameras: 0 });
    storeNowMs = null;
    expect(await upkeep().endContracts()).toEqual({ contracts: 1, cameras: 2 });
    expect(await upkeep().endContracts()).toEqual({ contracts: 0, cameras: 0 });
    expect(told).toEqual(cameras);
    for (const camera of cameras) {
      expect((await site.api.call('GET', `/v1/cameras/${camera}`)).json()).toMatchObject({
        state: 'grace',
        graceEndsAt: new Date(site.clock.nowMs + 90 * dayMs).toISOString(),
      });
      expect(await deedsOf(camera)).toEqual(['service:contract camera.retire']);
    }
  });

  test('a term is as long as the price list wants, and is not paid further ahead than it lasts', async () => {
    const tenantId = await site.made('/v1/tenants', { name: 'Short of time' });
    const refused = async (terms: object) => {
      const answer = await site.api.call('POST', '/v1/contracts', { tenantId, startsOn: '2026-03-01', ...terms });
      return [answer.statusCode, problem.parse(answer.json()).errors.map(({ path }) => path)];
    };
    expect(await refused({ termMonths: 11 })).toEqual([400, ['termMonths']]);
    expect(await refused({ prepayMonths: 13 })).toEqual([400, ['prepayMonths']]);
    expect(await refused({ termMonths: 24, prepayMonths: 25 })).toEqual([400, ['prepayMonths']]);
    await site.made('/v1/contracts', { tenantId, startsOn: '2026-03-01', termMonths: 24, prepayMonths: 24 });
  });

  test('without payment the cameras are in grace at once, and come back', async () => {
    const tenantId = await site.made('/v1/tenants', { name: 'Shop' });
    const camera = await site.cameraOf(tenantId, 30);
    const id = await site.made('/v1/contracts', { tenantId, startsOn: '2026-02-01' });
    site.clock.databaseNowMs = site.clock.nowMs + 10 * dayMs;
    await site.api.call('POST', `/v1/contracts/${id}/end`, { reason: 'non-payment' });
    // By the later clock, as every grace period.
    const graceEndsAt = new Date(site.clock.nowMs + 100 * dayMs).toISOString();
    expect((await site.api.call('GET', `/v1/cameras/${camera}`)).json()).toMatchObject({ state: 'grace', graceEndsAt });
    site.clock.databaseNowMs = null;
    expect((await deedsOf(camera)).at(-1)).toBe('api-key:test camera.retire');
    const back = await site.api.call('POST', `/v1/cameras/${camera}/reactivate`);
    expect(back.json()).toMatchObject({ intent: 'record' });
    await site.made('/v1/contracts', { tenantId, startsOn: '2026-03-01' }); // a new one may be made
  });
});

describe('a tenant that is deleted', () => {
  test('needs its name, purges all its cameras and gets one certificate', async () => {
    const tenantId = await site.made('/v1/tenants', { name: 'Leaving' });
    const cameras = [await site.cameraOf(tenantId, 30), await site.cameraOf(tenantId, 30)];
    const url = `/v1/tenants/${tenantId}/delete`;
    expect((await site.api.call('POST', url, { name: 'Staying' })).statusCode).toBe(400);
    expect((await site.api.call('POST', url, { name: 'Leaving' })).statusCode).toBe(202);
    expect((await site.api.call('POST', url, { name: 'Leaving' })).statusCode).toBe(409);
    const body = { name: 'Too late', url: 'rtsp://192.0.2.4/a', tenantId };
    expect((await site.api.call('POST', '/v1/cameras', body)).statusCode).toBe(404);
    const deletion = createDeleteTenantActivities({
      db: site.api.database.pool,
      sealer: site.api.deps.sealer,
      now: () => site.clock.nowMs,
      tell: async () => undefined,
    });
    expect(await deletion.finishTenantDeletion(tenantId)).toMatchObject({ kind: 'waits' });
    const { rows } = await site.api.database.pool.query(
      `select cause, requested_by from camera_purge p join camera c on c.id = p.camera_id
       where c.public_id = any($1::uuid[])`,
      [cameras],
    );
    const asked = { cause: 'tenant-deleted', requested_by: 'api-key:test' };
    expect(rows).toEqual([asked, asked]);
    const decided = ['camera.retire', 'camera.purge'].map((action) => `api-key:test ${action}`);
    for (const camera of cameras) expect(await deedsOf(camera)).toEqual(decided);
    // Each camera's workflow purges it; see test/activities/purge.test.ts.
    await site.api.database.pool.query(`update camera set status = 'purged' where public_id = any($1::uuid[])`, [
      cameras,
    ]);
    expect(await deletion.finishTenantDeletion(tenantId)).toEqual({ kind: 'done' });
    expect(await deletion.finishTenantDeletion(tenantId)).toEqual({ kind: 'done' });
    const list = z.object({ items: z.array(idOf) });
    const { items } = list.parse((await site.api.call('GET', `/v1/certificates?tenantId=${tenantId}`)).json());
    expect(items.length).toBe(1);
    const { rows: left } = await site.api.database.pool.query(`select name from tenant where public_id = $1`, [
      tenantId,
    ]);
    expect(left).toEqual([{ name: `deleted ${tenantId}` }]);
  });

  test.each([
    ['early', '2026-03-17', 11 * 1500],
    ['notice', '2027-02-14', 0], // agreed before
  ])('leaves its contract that day: %s, for a fee that stays', async (endReason, endsOn, cents) => {
    const tenantId = await site.made('/v1/tenants', { name: endReason });
    const url = `/v1/contracts/${await site.made('/v1/contracts', { tenantId, startsOn: '2026-02-15' })}`;
    if (endReason === 'notice') await site.api.call('POST', `${url}/end`, { reason: endReason });
    await site.api.call('POST', `/v1/tenants/${tenantId}/delete`, { name: endReason });
    const left = { endsOn, endReason, endedAt: new Date(site.clock.nowMs).toISOString(), exitFee: { cents } };
    site.clock.nowMs += 300 * dayMs;
    expect((await site.api.call('GET', url)).json()).toMatchObject(left);
    site.clock.nowMs -= 300 * dayMs;
  });

  test('is never the default one', async () => {
    const { id } = await defaultTenant(site.api.database.pool);
    const answer = await site.api.call('POST', `/v1/tenants/${id}/delete`, { name: 'default' });
    expect(answer.statusCode).toBe(409);
  });
});

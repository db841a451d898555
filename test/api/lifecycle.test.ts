import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createDeleteTenantActivities } from '../../activities/delete-tenant.ts';
import { createEndContractsActivities } from '../../activities/end-contracts.ts';
import { certify } from '../../activities/certify.ts';
import { auditList } from '../../api/schemas/audit.ts';
import { upsertRecorder } from '../../db/recorders.ts';
import { transaction } from '../../db/sql.ts';
import { defaultTenant } from '../../db/tenants.ts';
import { problemsOf } from '../../security/certificates.ts';
import { startApi, type ApiUnderTest } from './api-under-test.ts';

const dayMs = 24 * 3_600_000;
let nowMs = Date.UTC(2026, 0, 15);
/** The database's clock, where it says something else. */
let databaseNowMs: number | null = null;
let storeNowMs: number | null = null;
let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApi({ now: () => nowMs, databaseNow: async () => databaseNowMs ?? nowMs });
});
afterAll(() => api.close());

const problem = z.object({ errors: z.array(z.object({ path: z.string() })) });
const refusal = z.object({ detail: z.string() });
const idOf = z.object({ id: z.string() });
async function made(url: string, body: unknown): Promise<string> {
  const answer = await api.call('POST', url, body);
  expect([answer.statusCode, answer.body]).toEqual([201, expect.anything()]);
  return idOf.parse(answer.json()).id;
}

/** Who did what to a camera, the first first. */
async function deedsOf(cameraId: string): Promise<string[]> {
  const { items } = auditList.parse((await api.call('GET', `/v1/audit?cameraId=${cameraId}`)).json());
  return items.map(({ actor, action }) => `${actor} ${action}`).toReversed();
}

async function cameraOf(tenantId: string, retentionDays: number): Promise<string> {
  const { id } = await api.addCamera({ retentionDays });
  const values = [id, tenantId];
  await api.database.pool.query(
    `update camera set tenant_id = (select id from tenant where public_id = $2) where public_id = $1`,
    values,
  );
  return id;
}

describe('purge', () => {
  test('needs a retired camera and its name', async () => {
    const camera = await api.addCamera({ name: 'Gate 2' });
    const url = `/v1/cameras/${camera.id}/purge`;
    expect((await api.call('POST', url, { name: 'Gate 2' })).statusCode).toBe(409);
    await api.call('POST', `/v1/cameras/${camera.id}/retire`);
    expect((await api.call('POST', url, { name: 'gate 2' })).statusCode).toBe(400);
    const answer = await api.call('POST', url, { name: 'Gate 2' });
    expect(answer.statusCode).toBe(202);
    expect(answer.json()).toMatchObject({ state: 'grace', graceEndsAt: new Date(nowMs).toISOString() });
    expect((await api.call('POST', `/v1/cameras/${camera.id}/reactivate`)).statusCode).toBe(409);
  });

  test('a host that is silent is declared destroyed, once until it is seen again; one that lives is not', async () => {
    const hostId = '00000000-0000-4000-8000-00000000000a';
    const host = { hostId, url: 'http://127.0.0.1:1', slots: 1, used: 0 };
    const beganMs = nowMs;
    const declare = () => api.call('POST', `/v1/recorders/${hostId}/destroyed`);
    const refused = async () => {
      const answer = await declare();
      return [answer.statusCode, refusal.parse(answer.json()).detail];
    };
    const isAlive = [409, expect.stringContaining('Stop its process, wait a minute')];
    expect(await refused()).toEqual([404, 'There is no such recorder.']);
    for (let life = 0; life < 2; life += 1) {
      await upsertRecorder(api.database.pool, { ...host, seenMs: nowMs });
      nowMs += 59_000;
      expect(await refused()).toEqual(isAlive);
      databaseNowMs = nowMs;
      nowMs += 2 * dayMs; // this clock alone
      expect(await refused()).toEqual(isAlive);
      [nowMs, databaseNowMs] = [databaseNowMs + 1_000, null];
      expect((await declare()).statusCode).toBe(204);
      expect(await refused()).toEqual([409, 'It was declared destroyed already.']);
      nowMs += dayMs;
    }
    nowMs = beganMs; // for the tests after this one
  });
});

test('a tenant has a grace period of its own', async () => {
  const tenantId = await made('/v1/tenants', { name: 'Patient school' });
  await api.call('PATCH', `/v1/tenants/${tenantId}`, { graceDays: 30 });
  const id = await cameraOf(tenantId, 30);
  const retired = await api.call('POST', `/v1/cameras/${id}/retire`);
  expect(retired.json()).toMatchObject({ graceEndsAt: new Date(nowMs + 30 * dayMs).toISOString() });
});

describe('certificates', () => {
  async function issue(): Promise<string> {
    const tenantId = '00000000-0000-4000-8000-00000000000b';
    const cameraId = crypto.randomUUID();
    const deps = { sealer: api.deps.sealer, nowMs };
    return transaction(api.database.pool, (tx) =>
      certify(tx, deps, { tenantId, cameraId, month: null, lines: 'a 0\n' }, (issued) => ({
        ...issued,
        kind: 'tenant',
        tenant: { id: tenantId, name: 'X' },
        cameras: [],
      })),
    );
  }
  const keysOf = z.object({ keys: z.array(z.object({ id: z.string(), publicKey: z.string() })) });

  test('verify with the published keys, also after these have changed', async () => {
    const before = await issue();
    expect((await api.call('POST', '/v1/certificates/keys')).statusCode).toBe(201);
    const after = await issue();
    const published = await api.app.inject({ url: '/.well-known/framekeep-keys.json' });
    const { keys } = keysOf.parse(published.json());
    expect(keys.length).toBe(2);
    for (const id of [before, after]) {
      const answer = await api.call('GET', `/v1/certificates/${id}`);
      expect(answer.statusCode).toBe(200);
      expect(problemsOf(answer.json(), keys)).toEqual([]);
      expect((await api.call('GET', `/v1/certificates/${id}/objects`)).body).toBe('a 0\n');
    }
    const { rows } = await api.database.pool.query(`select id from signing_key where sealed_private_key is not null`);
    expect(rows.length).toBe(1);
    const { items } = (await api.call('GET', '/v1/certificates')).json<{ items: { id: string }[] }>();
    expect(items.map(({ id }) => id).toSorted()).toEqual([before, after].toSorted()); // made in the same millisecond
  });
});

describe('contracts', () => {
  const told: string[] = [];
  const upkeep = () =>
    createEndContractsActivities({
      db: api.database.pool,
      objects: api.deps.objects,
      graceMs: 90 * dayMs,
      now: () => nowMs,
      databaseNow: async () => databaseNowMs ?? nowMs,
      storeNow: async () => storeNowMs ?? nowMs,
      log: api.deps.log,
      tell: async ({ cameraId }) => {
        told.push(cameraId);
      },
      startTenantDeletion: async () => undefined,
    });

  test('explain price and exit fee; after the last day the cameras are in grace', async () => {
    const tenantId = await made('/v1/tenants', { name: 'School' });
    const cameras = [await cameraOf(tenantId, 30), await cameraOf(tenantId, 365)];
    const id = await made('/v1/contracts', { tenantId, startsOn: '2026-01-01', prepayMonths: 12 });
    expect((await api.call('POST', '/v1/contracts', { tenantId, startsOn: '2026-02-01' })).statusCode).toBe(409);
    expect((await api.call('GET', `/v1/contracts/${id}`)).json()).toMatchObject({
      termEndsOn: '2026-12-31',
      noticeDays: 30,
      monthly: [{ cents: 1200 }, { cents: 3400 }, { cents: -460 }, { text: 'a month', cents: 4140 }],
      // 15 January and 30 days' notice: 14 February; the 10.5 months after it are 11 begun ones.
      exitFee: { cents: 11 * 1500 },
    });
    const ended = await api.call('POST', `/v1/contracts/${id}/end`, { reason: 'early' });
    expect(ended.json()).toMatchObject({ endsOn: '2026-02-14', endReason: 'early', exitFee: { cents: 11 * 1500 } });
    nowMs = Date.UTC(2026, 1, 14, 23);
    expect(await upkeep().endContracts()).toEqual({ contracts: 0, cameras: 0 });
    nowMs = Date.UTC(2026, 1, 15);
    databaseNowMs = nowMs - 1; // over by one clock only
    expect(await upkeep().endContracts()).toEqual({ contracts: 0, cameras: 0 });
    databaseNowMs = null;
    storeNowMs = nowMs - dayMs; // two that are wrong together are given away by the third
    expect(await upkeep().endContracts()).toEqual({ contracts: 0, cameras: 0 });
    storeNowMs = null;
    expect(await upkeep().endContracts()).toEqual({ contracts: 1, cameras: 2 });
    expect(await upkeep().endContracts()).toEqual({ contracts: 0, cameras: 0 });
    expect(told).toEqual(cameras);
    for (const camera of cameras) {
      expect((await api.call('GET', `/v1/cameras/${camera}`)).json()).toMatchObject({
        state: 'grace',
        graceEndsAt: new Date(nowMs + 90 * dayMs).toISOString(),
      });
      expect(await deedsOf(camera)).toEqual(['service:contract camera.retire']);
    }
  });

  test('a term is as long as the price list wants, and is not paid further ahead than it lasts', async () => {
    const tenantId = await made('/v1/tenants', { name: 'Short of time' });
    const refused = async (terms: object) => {
      const answer = await api.call('POST', '/v1/contracts', { tenantId, startsOn: '2026-03-01', ...terms });
      return [answer.statusCode, problem.parse(answer.json()).errors.map(({ path }) => path)];
    };
    expect(await refused({ termMonths: 11 })).toEqual([400, ['termMonths']]);
    expect(await refused({ prepayMonths: 13 })).toEqual([400, ['prepayMonths']]);
    expect(await refused({ termMonths: 24, prepayMonths: 25 })).toEqual([400, ['prepayMonths']]);
    await made('/v1/contracts', { tenantId, startsOn: '2026-03-01', termMonths: 24, prepayMonths: 24 });
  });

  test('without payment the cameras are in grace at once, and come back', async () => {
    const tenantId = await made('/v1/tenants', { name: 'Shop' });
    const camera = await cameraOf(tenantId, 30);
    const id = await made('/v1/contracts', { tenantId, startsOn: '2026-02-01' });
    databaseNowMs = nowMs + 10 * dayMs;
    await api.call('POST', `/v1/contracts/${id}/end`, { reason: 'non-payment' });
    // By the later clock, as every grace period.
    const graceEndsAt = new Date(nowMs + 100 * dayMs).toISOString();
    expect((await api.call('GET', `/v1/cameras/${camera}`)).json()).toMatchObject({ state: 'grace', graceEndsAt });
    databaseNowMs = null;
    expect((await deedsOf(camera)).at(-1)).toBe('api-key:test camera.retire');
    const back = await api.call('POST', `/v1/cameras/${camera}/reactivate`);
    expect(back.json()).toMatchObject({ intent: 'record' });
    await made('/v1/contracts', { tenantId, startsOn: '2026-03-01' }); // a new one may be made
  });
});

describe('a tenant that is deleted', () => {
  test('needs its name, purges all its cameras and gets one certificate', async () => {
    const tenantId = await made('/v1/tenants', { name: 'Leaving' });
    const cameras = [await cameraOf(tenantId, 30), await cameraOf(tenantId, 30)];
    const url = `/v1/tenants/${tenantId}/delete`;
    expect((await api.call('POST', url, { name: 'Staying' })).statusCode).toBe(400);
    expect((await api.call('POST', url, { name: 'Leaving' })).statusCode).toBe(202);
    expect((await api.call('POST', url, { name: 'Leaving' })).statusCode).toBe(409);
    const body = { name: 'Too late', url: 'rtsp://192.0.2.4/a', tenantId };
    expect((await api.call('POST', '/v1/cameras', body)).statusCode).toBe(404);
    const deletion = createDeleteTenantActivities({
      db: api.database.pool,
      sealer: api.deps.sealer,
      now: () => nowMs,
      tell: async () => undefined,
    });
    expect(await deletion.finishTenantDeletion(tenantId)).toMatchObject({ kind: 'waits' });
    const { rows } = await api.database.pool.query(
      `select cause, requested_by from camera_purge p join camera c on c.id = p.camera_id
       where c.public_id = any($1::uuid[])`,
      [cameras],
    );
    const asked = { cause: 'tenant-deleted', requested_by: 'api-key:test' };
    expect(rows).toEqual([asked, asked]);
    const decided = ['camera.retire', 'camera.purge'].map((action) => `api-key:test ${action}`);
    for (const camera of cameras) expect(await deedsOf(camera)).toEqual(decided);
    // Each camera's workflow purges it; see test/activities/purge.test.ts.
    await api.database.pool.query(`update camera set status = 'purged' where public_id = any($1::uuid[])`, [cameras]);
    expect(await deletion.finishTenantDeletion(tenantId)).toEqual({ kind: 'done' });
    expect(await deletion.finishTenantDeletion(tenantId)).toEqual({ kind: 'done' });
    const list = z.object({ items: z.array(idOf) });
    const { items } = list.parse((await api.call('GET', `/v1/certificates?tenantId=${tenantId}`)).json());
    expect(items.length).toBe(1);
    const { rows: left } = await api.database.pool.query(`select name from tenant where public_id = $1`, [tenantId]);
    expect(left).toEqual([{ name: `deleted ${tenantId}` }]);
  });

  test.each([
    ['early', '2026-03-17', 11 * 1500],
    ['notice', '2027-02-14', 0], // agreed before
  ])('leaves its contract that day: %s, for a fee that stays', async (endReason, endsOn, cents) => {
    const tenantId = await made('/v1/tenants', { name: endReason });
    const url = `/v1/contracts/${await made('/v1/contracts', { tenantId, startsOn: '2026-02-15' })}`;
    if (endReason === 'notice') await api.call('POST', `${url}/end`, { reason: endReason });
    await api.call('POST', `/v1/tenants/${tenantId}/delete`, { name: endReason });
    const left = { endsOn, endReason, endedAt: new Date(nowMs).toISOString(), exitFee: { cents } };
    nowMs += 300 * dayMs;
    expect((await api.call('GET', url)).json()).toMatchObject(left);
    nowMs -= 300 * dayMs;
  });

  test('is never the default one', async () => {
    const { id } = await defaultTenant(api.database.pool);
    const answer = await api.call('POST', `/v1/tenants/${id}/delete`, { name: 'default' });
    expect(answer.statusCode).toBe(409);
  });
});

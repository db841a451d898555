import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { certify } from '../../activities/certify.ts';
import { upsertRecorder } from '../../db/recorders.ts';
import { transaction } from '../../db/sql.ts';
import { dayMs } from '../../domain/retention.ts';
import { problemsOf } from '../../security/certificates.ts';
import { createLifecycleSite, type LifecycleSite } from './lifecycle-site.ts';

const refusal = z.object({ detail: z.string() });
let site: LifecycleSite;
beforeAll(async () => {
  site = await createLifecycleSite();
});
afterAll(() => site.api.close());

describe('purge', () => {
  test('needs a retired camera and its name', async () => {
    const camera = await site.api.addCamera({ name: 'Gate 2' });
    const url = `/v1/cameras/${camera.id}/purge`;
    expect((await site.api.call('POST', url, { name: 'Gate 2' })).statusCode).toBe(409);
    await site.api.call('POST', `/v1/cameras/${camera.id}/retire`);
    expect((await site.api.call('POST', url, { name: 'gate 2' })).statusCode).toBe(400);
    const answer = await site.api.call('POST', url, { name: 'Gate 2' });
    expect(answer.statusCode).toBe(202);
    expect(answer.json()).toMatchObject({ state: 'grace', graceEndsAt: new Date(site.clock.nowMs).toISOString() });
    expect((await site.api.call('POST', `/v1/cameras/${camera.id}/reactivate`)).statusCode).toBe(409);
  });

  test('a host that is silent is declared destroyed, once until it is seen again; one that lives is not', async () => {
    const hostId = '00000000-0000-4000-8000-00000000000a';
    const host = { hostId, url: 'http://127.0.0.1:1', slots: 1, used: 0 };
    const beganMs = site.clock.nowMs;
    const declare = () => site.api.call('POST', `/v1/recorders/${hostId}/destroyed`);
    const refused = async () => {
      const answer = await declare();
      return [answer.statusCode, refusal.parse(answer.json()).detail];
    };
    const isAlive = [409, expect.stringContaining('Stop its process, wait a minute')];
    expect(await refused()).toEqual([404, 'There is no such recorder.']);
    for (let life = 0; life < 2; life += 1) {
      await upsertRecorder(site.api.database.pool, { ...host, seenMs: site.clock.nowMs });
      site.clock.nowMs += 59_000;
      expect(await refused()).toEqual(isAlive);
      site.clock.databaseNowMs = site.clock.nowMs;
      site.clock.nowMs += 2 * dayMs; // this clock alone
      expect(await refused()).toEqual(isAlive);
      [site.clock.nowMs, site.clock.databaseNowMs] = [site.clock.databaseNowMs + 1_000, null];
      expect((await declare()).statusCode).toBe(204);
      expect(await refused()).toEqual([409, 'It was declared destroyed already.']);
      site.clock.nowMs += dayMs;
    }
    site.clock.nowMs = beganMs; // for the tests after this one
  });
});

test('a tenant has a grace period of its own', async () => {
  const tenantId = await site.made('/v1/tenants', { name: 'Patient school' });
  await site.api.call('PATCH', `/v1/tenants/${tenantId}`, { graceDays: 30 });
  const id = await site.cameraOf(tenantId, 30);
  const retired = await site.api.call('POST', `/v1/cameras/${id}/retire`);
  expect(retired.json()).toMatchObject({ graceEndsAt: new Date(site.clock.nowMs + 30 * dayMs).toISOString() });
});

describe('certificates', () => {
  async function issue(): Promise<string> {
    const tenantId = '00000000-0000-4000-8000-00000000000b';
    const cameraId = crypto.randomUUID();
    const deps = { sealer: site.api.deps.sealer, nowMs: site.clock.nowMs };
    return transaction(site.api.database.pool, (tx) =>
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
    expect((await site.api.call('POST', '/v1/certificates/keys')).statusCode).toBe(201);
    const after = await issue();
    const published = await site.api.app.inject({ url: '/.well-known/framekeep-keys.json' });
    const { keys } = keysOf.parse(published.json());
    expect(keys.length).toBe(2);
    for (const id of [before, after]) {
      const answer = await site.api.call('GET', `/v1/certificates/${id}`);
      expect(answer.statusCode).toBe(200);
      expect(problemsOf(answer.json(), keys)).toEqual([]);
      expect((await site.api.call('GET', `/v1/certificates/${id}/objects`)).body).toBe('a 0\n');
    }
    const { rows } = await site.api.database.pool.query(
      `select id from signing_key where sealed_private_key is not null`,
    );
    expect(rows.length).toBe(1);
    const { items } = (await site.api.call('GET', '/v1/certificates')).json<{ items: { id: string }[] }>();
    expect(items.map(({ id }) => id).toSorted()).toEqual([before, after].toSorted()); // made in the same millisecond
  });
});

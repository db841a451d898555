import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { auditHash, chainedEntries, recordDeed } from '../../db/audit.ts';
import { transaction } from '../../db/sql.ts';
import { brokenLink, chainStart } from '../../domain/audit-chain.ts';
import { auditList } from '../../api/schemas/audit.ts';
import { startApi, type ApiUnderTest } from './api-under-test.ts';

let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

const idOf = (body: string): string => z.object({ id: z.string() }).parse(JSON.parse(body)).id;

async function entries(query = '') {
  return auditList.parse((await api.call('GET', `/v1/audit${query}`)).json()).items;
}

test('every change of a camera is there, with before and after and without its login', async () => {
  const url = 'rtsp://viewer:hunter2secret@192.0.2.9/a';
  const id = idOf((await api.call('POST', '/v1/cameras', { name: 'Gate 2', url })).body);
  await api.call('PATCH', `/v1/cameras/${id}`, { name: 'Gate 3', url: `${url}b` });
  await api.call('POST', `/v1/cameras/${id}/pause`);
  await api.call('POST', `/v1/cameras/${id}/retire`);
  const [retired, paused, changed, added] = await entries(`?cameraId=${id}`);
  expect([added?.action, changed?.action, paused?.action, retired?.action]).toEqual([
    'camera.add',
    'camera.change',
    'camera.pause',
    'camera.retire',
  ]);
  expect(added).toMatchObject({ actor: 'api-key:test', before: null, after: { name: 'Gate 2' } });
  expect(changed).toMatchObject({ before: { name: 'Gate 2' }, after: { name: 'Gate 3' } });
  expect(retired).toMatchObject({ before: { intent: 'paused' }, after: { intent: 'retired' } });
  expect(JSON.stringify(await entries())).not.toContain('hunter2secret');
});

test('every other deed says what it changed, too, and never a secret', async () => {
  const done = async (method: 'POST' | 'PATCH' | 'PUT' | 'DELETE', path: string, body?: object) => {
    const answer = await api.call(method, path, body);
    expect([path, answer.statusCode]).toEqual([path, expect.toSatisfy((status: number) => status < 300)]);
    const [entry] = await entries();
    return { answer, entry: [entry?.action, entry?.before, entry?.after] };
  };
  const key = await done('POST', '/v1/api-keys', { name: 'Short-lived' });
  const about = { id: idOf(key.answer.body), name: 'Short-lived', role: 'operator' };
  expect(key.entry).toEqual(['api-key.add', null, about]);
  expect((await done('DELETE', `/v1/api-keys/${about.id}`)).entry).toEqual(['api-key.remove', about, null]);
  const first = await done('POST', '/v1/certificates/keys');
  expect(first.entry).toEqual(['signing-key.rotate', { id: null }, { id: expect.any(String) }]);
  expect((await done('POST', '/v1/certificates/keys')).entry).toEqual([
    'signing-key.rotate',
    first.entry[2],
    { id: expect.any(String) },
  ]);
  const { id: cameraId } = await api.addCamera();
  const range = { cameraId, from: '2026-01-01T00:00:00Z', to: '2026-01-02T00:00:00Z', reason: 'case 7' };
  const hold = await done('POST', '/v1/holds', range);
  const active = { reason: 'case 7', state: 'active', releasedAt: null };
  expect(hold.entry).toMatchObject(['hold.place', null, active]);
  const released = { reason: 'case 7', state: 'released', releasedAt: expect.any(String) };
  const release = await done('DELETE', `/v1/holds/${idOf(hold.answer.body)}`);
  expect(release.entry).toMatchObject(['hold.release', active, released]);
  const tenantId = idOf((await done('POST', '/v1/tenants', { name: 'Leaving' })).answer.body);
  const contract = await done('POST', '/v1/contracts', { tenantId, startsOn: '2026-01-01' });
  expect((await done('POST', `/v1/tenants/${tenantId}/delete`, { name: 'Leaving' })).entry).toEqual([
    'tenant.delete',
    { name: 'Leaving', cameras: 0, isBeingDeleted: false },
    { name: 'Leaving', cameras: 0, isBeingDeleted: true },
  ]);
  const running = { id: idOf(contract.answer.body), endsOn: null, endReason: null, endedAt: null };
  const ended = { ...running, endsOn: expect.any(String), endReason: 'early', endedAt: expect.any(String) };
  const deed = { action: 'contract.end', before: running, after: { ...ended, cause: 'tenant-deleted' } };
  expect((await entries(`?tenantId=${tenantId}`))[1]).toMatchObject(deed);
  const hostId = randomUUID();
  await api.database.pool.query(
    `insert into recorder (host_id, url, slots, used, seen_at, stats) values ($1, 'http://192.0.2.1', 1, 0, now() - interval '1 hour', null)`,
    [hostId],
  );
  expect((await done('POST', `/v1/recorders/${hostId}/drain`)).entry).toEqual([
    'recorder.drain',
    { hostId, draining: false },
    { hostId, draining: true },
  ]);
  expect((await done('POST', `/v1/recorders/${hostId}/destroyed`)).entry).toEqual([
    'recorder.destroyed',
    { hostId, isDestroyed: false },
    { hostId, isDestroyed: true },
  ]);
  const keyValue = z.object({ key: z.string() }).parse(key.answer.json()).key;
  expect(JSON.stringify(await entries())).not.toContain(keyValue);
});

test('an entry that does not say what it changed is not written, and neither is its deed done', async () => {
  const before = (await entries()).length;
  const deed = { atMs: 0, actor: 'service:test', action: 'hold.release', before: { id: 'x' }, after: {} } as const;
  await expect(transaction(api.database.pool, (tx) => recordDeed(tx, deed))).rejects.toThrow(
    'the audit entry hold.release has no good "after"',
  );
  expect(await entries()).toHaveLength(before);
});

test('what is refused leaves no entry', async () => {
  const before = (await entries()).length;
  const id = idOf((await api.call('POST', '/v1/cameras', { name: 'Yard', url: 'rtsp://192.0.2.9/y' })).body);
  expect((await api.call('POST', `/v1/cameras/${id}/resume`)).statusCode).toBe(409);
  expect((await api.call('POST', '/v1/cameras', { name: 'Yard', url: 'rtsp://192.0.2.9/y' })).statusCode).toBe(409);
  expect((await entries()).length).toBe(before + 1);
});

test('keys and tenants too; many at the same time keep the chain whole', async () => {
  await Promise.all(
    Array.from({ length: 12 }, (_, i) =>
      i % 2 === 0
        ? api.call('POST', '/v1/tenants', { name: `School ${i}` })
        : api.call('POST', '/v1/api-keys', { name: `Key ${i}` }),
    ),
  );
  const chain = await chainedEntries(api.database.pool, 0, 1000);
  expect(chain.length).toBeGreaterThanOrEqual(12);
  expect(brokenLink(chain, { id: 0, hash: chainStart }, auditHash)).toBeNull();
});

test('the database refuses to change or delete an entry', async () => {
  await expect(api.database.pool.query(`update audit_entry set actor = 'nobody'`)).rejects.toThrow('append-only');
  await expect(api.database.pool.query(`delete from audit_entry`)).rejects.toThrow('append-only');
  await expect(api.database.pool.query(`truncate audit_entry`)).rejects.toThrow('append-only');
});

test('pages go on where the last one ended', async () => {
  const first = auditList.parse((await api.call('GET', '/v1/audit?limit=2')).json());
  const second = auditList.parse((await api.call('GET', `/v1/audit?limit=2&cursor=${first.nextCursor}`)).json());
  expect(second.items[0]?.id).toBe((first.items[1]?.id ?? 0) - 1);
});

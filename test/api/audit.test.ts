import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { auditHash, chainedEntries } from '../../db/audit.ts';
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

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestSystem, waitFor, type SystemProcess, type TestSystem } from '../support/system.ts';

/** The process itself, with Temporal away: nothing listens on port 1. */
let system: TestSystem;
let api: SystemProcess;

beforeAll(async () => {
  system = await createTestSystem({ temporal: { address: '127.0.0.1:1', namespace: 'default' } });
  api = system.start('api', 'api');
  await waitFor('the API listens', async () => (await fetch(`${system.url}/healthz`)).ok);
});
afterAll(() => system.stop());

test('serves without Temporal, takes the bootstrap key and makes the admin', async () => {
  const me = await system.call<{ name: string }>('GET', '/v1/me');
  expect([me.status, me.body.name]).toEqual([200, 'bootstrap']);
  const password = (await readFile(join(system.dir, 'admin-password'), 'utf8')).trim();
  const login = await fetch(`${system.url}/v1/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ login: 'admin', password }),
  });
  expect(login.status).toBe(200);
  expect(await readFile(api.logPath, 'utf8')).not.toContain(password);
});

test('adds a camera meanwhile', async () => {
  const { status } = await system.call('POST', '/v1/cameras', { name: 'Gate', url: 'rtsp://127.0.0.1:2/a' });
  expect(status).toBe(201);
});

test('says which settings are missing and ends', async () => {
  const other = system.start('other', 'api', { FRAMEKEEP_TEMPORAL_ADDRESS: '', FRAMEKEEP_S3_ENDPOINT: '' });
  const [code] = (await once(other.child, 'exit')) as [number];
  expect(code).toBe(1);
  expect(await readFile(other.logPath, 'utf8')).toMatch(/FRAMEKEEP_TEMPORAL_ADDRESS.*FRAMEKEEP_S3_ENDPOINT/);
});

test('ends cleanly on SIGTERM', async () => {
  expect(await api.end('SIGTERM')).toBe(0);
});

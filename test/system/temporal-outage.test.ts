import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePorts } from '../../scripts/embedded/free-ports.ts';
import { startTemporal, type EmbeddedTemporal } from '../../scripts/embedded/temporal.ts';
import { framesInBucket } from '../support/archive.ts';
import { startCamera, type SimulatedCamera } from '../support/camera/start-camera.ts';
import { createTestSystem, waitFor, type SystemProcess, type TestSystem } from '../support/system.ts';

let dir: string;
let port: number;
let temporal: EmbeddedTemporal;
let system: TestSystem;
let workers: SystemProcess;
let simulated: SimulatedCamera;
let cameraId: string;

const startServer = (): Promise<EmbeddedTemporal> =>
  startTemporal({ dir, logPath: join(dir, 'temporal.log'), namespace: 'default', uiPort: false, port });

async function lastSegmentEndMs(): Promise<number> {
  const { body } = await system.call<{ lastSegmentEndAt: string | null }>('GET', `/v1/cameras/${cameraId}`);
  return body.lastSegmentEndAt === null ? 0 : Date.parse(body.lastSegmentEndAt);
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'framekeep-temporal-'));
  [port = 0] = await freePorts(1);
  temporal = await startServer();
  system = await createTestSystem({ temporal: { address: temporal.address, namespace: 'default' } });
  system.start('api', 'api');
  // Sessions of 4 s: every few seconds an activity ends and the next one attaches.
  workers = system.start('workers', 'control,recorder', { FRAMEKEEP_SESSION_SECONDS: '4' });
  simulated = await startCamera();
  await waitFor('the API is ready', async () => (await fetch(`${system.url}/readyz`)).ok);
  const created = await system.call<{ id: string }>('POST', '/v1/cameras', { name: 'Gate', url: simulated.url() });
  cameraId = created.body.id;
  await waitFor('it records', async () => (await lastSegmentEndMs()) > 0);
});

afterAll(async () => {
  await simulated?.close();
  await system?.stop();
  await temporal?.stop();
  rmSync(dir, { recursive: true, force: true });
});

test('session rollovers and a Temporal outage longer than the heartbeat timeout lose no frame', async () => {
  await sleep(6_000);
  await temporal.stop();
  const goneMs = Date.now();
  await sleep(25_000); // the heartbeat timeout is 20 s
  expect(await lastSegmentEndMs()).toBeGreaterThan(goneMs + 15_000);
  temporal = await startServer();
  const backMs = Date.now();
  await waitFor('recording goes on', async () => (await lastSegmentEndMs()) > backMs + 8_000);

  expect(await workers.end('SIGINT')).toBe(0);
  expect(simulated.accepted()).toBe(2); // the probe and one recording: it never reconnected
  const { objects, missing, duplicated, reordered, indexes } = await framesInBucket(
    system.s3,
    cameraId,
    simulated.loop().frames,
  );
  expect(objects).toBeGreaterThan(10);
  expect({ missing, duplicated, reordered }).toEqual({ missing: [], duplicated: [], reordered: [] });
  expect(indexes.length / simulated.loop().fps).toBeGreaterThan(40);
});

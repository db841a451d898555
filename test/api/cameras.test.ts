import { randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCameraIntentActivities } from '../../activities/camera-intent.ts';
import type { CameraAnswer } from '../../api/schemas/camera.ts';
import { leaseOf } from '../../db/leases.ts';
import { cameraForRecording } from '../../db/recorded-cameras.ts';
import { insertTenant } from '../../db/tenants.ts';
import { cameraUrlAad } from '../../security/seal.ts';
import { cameraWorkflowId, controlQueue, stateQuery } from '../../workflows/messages.ts';
import { testServer } from '../support/servers.ts';
import { startApi, type ApiUnderTest } from './api-under-test.ts';

describe('with Temporal and a control worker', () => {
  let api: ApiUnderTest;
  let client: Client;
  let connection: Connection;
  let stopWorker: () => Promise<void>;

  beforeAll(async () => {
    api = await startApi({ temporal: 'present' });
    const { address, namespace } = api.temporal;
    connection = await Connection.connect({ address });
    client = new Client({ connection, namespace });
    Runtime.install({
      shutdownSignals: [],
      logger: { log: ignore, trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore },
    });
    const native = await NativeConnection.connect({ address });
    const worker = await Worker.create({
      connection: native,
      namespace,
      taskQueue: controlQueue,
      workflowBundle: await testServer('workflows'),
      activities: createCameraIntentActivities({ db: api.database.pool, now: Date.now }),
    });
    const running = worker.run();
    stopWorker = async () => {
      worker.shutdown();
      await running;
      await native.close();
    };
  });
  afterAll(async () => {
    await stopWorker();
    await connection.close();
    await api.close();
  });

  const add = async (body: object) => {
    const answer = await api.call('POST', '/v1/cameras', body);
    return { answer, camera: answer.json<CameraAnswer>() };
  };
  const workflowState = (id: string) => client.workflow.getHandle(cameraWorkflowId(id)).query(stateQuery);

  test('adding a camera stores it sealed and starts its workflow', async () => {
    const url = 'rtsp://admin:s3cret%40x@192.0.2.7:8554/stream?channel=1';
    const { answer, camera } = await add({ name: 'Gate', url });
    expect(answer.statusCode).toBe(201);
    expect(answer.headers['location']).toBe(`/v1/cameras/${camera.id}`);
    expect(camera).toMatchObject({
      name: 'Gate',
      siteId: null,
      urlRedacted: 'rtsp://192.0.2.7:8554/stream?channel=1',
      tier: 'normal',
      retentionDays: 30,
      intent: 'record',
      configVersion: 1,
      state: 'provisioning',
      lastSegmentEndAt: null,
      retiredAt: null,
      graceEndsAt: null,
    });
    expect(camera.createdAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    const stored = await cameraForRecording(api.database.pool, camera.id);
    expect(stored?.sealedUrl).not.toContain('s3cret');
    expect(api.deps.sealer.unseal(stored?.sealedUrl ?? '', cameraUrlAad(camera.id))).toBe(url);
    const { status, type } = await client.workflow.getHandle(cameraWorkflowId(camera.id)).describe();
    expect([status.name, type]).toEqual(['RUNNING', 'cameraWorkflow']);
  });

  test('pause, resume, retire and reactivate are taken in by the workflow', async () => {
    const { camera } = await add({ name: 'Yard', url: 'rtsp://192.0.2.8/a' });
    let version = 1;
    for (const [action, intent, state, wanted] of [
      ['pause', 'paused', 'paused', false],
      ['resume', 'record', 'connecting', true],
      ['retire', 'retired', 'grace', false],
      ['reactivate', 'record', 'connecting', true],
    ] as const) {
      version += 1;
      const answer = await api.call('POST', `/v1/cameras/${camera.id}/${action}`);
      expect(answer.statusCode).toBe(200);
      expect(answer.json()).toMatchObject({ intent, state, configVersion: version });
      expect((await leaseOf(api.database.pool, camera.id))?.wanted).toBe(wanted);
      await expect
        .poll(() => workflowState(camera.id), { timeout: 20_000 })
        .toMatchObject({ intent, configVersion: version });
    }
  });

  test('a camera in grace says until when', async () => {
    const { camera } = await add({ name: 'Hall', url: 'rtsp://192.0.2.9/a' });
    const retired = (await api.call('POST', `/v1/cameras/${camera.id}/retire`)).json<CameraAnswer>();
    const graceMs = Date.parse(retired.graceEndsAt ?? '') - Date.parse(retired.retiredAt ?? '');
    // It begins by the later clock, which is read a moment after.
    expect(graceMs).toBeGreaterThanOrEqual(90 * 24 * 3600 * 1000);
    expect(graceMs).toBeLessThan(90 * 24 * 3600 * 1000 + 60_000);
    const again = await api.call('POST', `/v1/cameras/${camera.id}/retire`);
    expect([again.statusCode, again.json<{ code: string }>().code]).toEqual([409, 'wrong-state']);
    const reconfigured = await api.call('PATCH', `/v1/cameras/${camera.id}`, { url: 'rtsp://192.0.2.1/b' });
    expect(reconfigured.json()).toMatchObject({ code: 'wrong-state' });
    expect((await api.call('PATCH', `/v1/cameras/${camera.id}`, { name: 'Old hall' })).statusCode).toBe(200);
  });

  test('a change of name is only stored, a new URL goes to the workflow', async () => {
    const { camera } = await add({ name: 'Door', url: 'rtsp://192.0.2.10/a' });
    const path = `/v1/cameras/${camera.id}`;
    const renamed = await api.call('PATCH', path, { name: 'Back door', retentionDays: 60 });
    expect([renamed.statusCode, renamed.json()]).toEqual([
      200,
      expect.objectContaining({ name: 'Back door', retentionDays: 60, configVersion: 1 }),
    ]);
    const moved = await api.call('PATCH', path, { url: 'rtsp://u:p4ssword@192.0.2.11/b' });
    expect([moved.statusCode, moved.json()]).toEqual([
      200,
      expect.objectContaining({ urlRedacted: 'rtsp://192.0.2.11/b', configVersion: 2 }),
    ]);
    await expect.poll(() => workflowState(camera.id), { timeout: 20_000 }).toMatchObject({ configVersion: 2 });
  });

  test('lists come by tenant and in pages', async () => {
    const tenant = await insertTenant(api.database.pool, 'School');
    const names = ['c', 'a', 'b'];
    for (const name of names) await add({ name, url: 'rtsp://192.0.2.12/a', tenantId: tenant.id });
    const seen: string[] = [];
    let cursor = '';
    do {
      const page = await api.call('GET', `/v1/cameras?tenantId=${tenant.id}&limit=2${cursor}`);
      const { items, nextCursor } = page.json<{ items: CameraAnswer[]; nextCursor?: string }>();
      seen.push(...items.map(({ name }) => name));
      cursor = nextCursor === undefined ? '' : `&cursor=${nextCursor}`;
    } while (cursor !== '');
    expect(seen).toEqual(names);
    const other = await api.call('GET', `/v1/cameras?tenantId=${randomUUID()}`);
    expect(other.json()).toEqual({ items: [] });
  });

  test('one name may stand in two tenants', async () => {
    const tenant = await insertTenant(api.database.pool, 'Shop');
    const body = { name: 'Till', url: 'rtsp://192.0.2.13/a' };
    expect((await add(body)).answer.statusCode).toBe(201);
    expect((await add(body)).answer.statusCode).toBe(409);
    expect((await add({ ...body, tenantId: tenant.id })).answer.statusCode).toBe(201);
  });

  test('an update to a workflow that is gone is answered 202, and stands in the database', async () => {
    const { camera } = await add({ name: 'Roof', url: 'rtsp://192.0.2.14/a' });
    await client.workflow.getHandle(cameraWorkflowId(camera.id)).terminate('a mistake');
    const answer = await api.call('POST', `/v1/cameras/${camera.id}/pause`);
    expect([answer.statusCode, answer.json<CameraAnswer>().intent]).toEqual([202, 'paused']);
    expect((await leaseOf(api.database.pool, camera.id))?.wanted).toBe(false);
  });
});

describe('with Temporal away', () => {
  let api: ApiUnderTest;
  beforeAll(async () => {
    api = await startApi({ temporal: 'away' });
  });
  afterAll(() => api.close());

  // At the same time: each call waits its 3 s for Temporal.
  test.concurrent('cameras are added and changed: the database has it, the answer to a change is 202', async () => {
    const added = await api.call('POST', '/v1/cameras', { name: 'Gate', url: 'rtsp://192.0.2.7/a' });
    expect(added.statusCode).toBe(201);
    const { id } = added.json<CameraAnswer>();
    const paused = await api.call('POST', `/v1/cameras/${id}/pause`);
    expect([paused.statusCode, paused.json<CameraAnswer>().state]).toEqual([202, 'paused']);
    const moved = await api.call('PATCH', `/v1/cameras/${id}`, { url: 'rtsp://192.0.2.8/a' });
    expect([moved.statusCode, moved.json<CameraAnswer>().urlRedacted]).toEqual([202, 'rtsp://192.0.2.8/a']);
    const lease = await leaseOf(api.database.pool, id);
    expect(lease).toMatchObject({ wanted: false, configVersion: 3, appliedVersion: 0 });
    expect((await api.call('PATCH', `/v1/cameras/${id}`, { name: 'Gate 1' })).statusCode).toBe(200);
  });

  test.concurrent('the process is alive, not ready, and says since when', async () => {
    expect((await api.app.inject('/healthz')).json()).toEqual({ alive: true });
    const ready = await api.app.inject('/readyz');
    expect([ready.statusCode, ready.json()]).toEqual([
      503,
      { ready: false, database: true, objects: true, temporal: false },
    ]);
    const { problems, parts } = (await api.call('GET', '/v1/status')).json<{
      problems: { kind: string; id: string; since: string }[];
      parts: { name: string; ok: boolean; since: string }[];
    }>();
    expect(problems).toMatchObject([{ kind: 'part', id: 'temporal', what: 'does not answer' }]);
    const first = parts.find(({ name }) => name === 'temporal');
    expect(problems[0]?.since).toBe(first?.since);
  });
});

function ignore(): void {}

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTemporal, type EmbeddedTemporal } from '../../scripts/embedded/temporal.ts';
import { cameraWorkflowId, stateQuery } from '../../workflows/messages.ts';
import { startCamera, type SimulatedCamera } from '../support/camera/start-camera.ts';
import { createTestSystem, waitFor, type TestSystem } from '../support/system.ts';

interface CameraAnswer {
  id: string;
  state: string;
  stateReason: string | null;
  lastSegmentEndAt: string | null;
}

/**
 * The whole system on a Temporal server of its own, which suggests continue-as-new after 30 events instead of 4,096:
 * every change of intent meets a run that is about to end.
 */
describe('cameraWorkflow', () => {
  let dir: string;
  let temporal: EmbeddedTemporal;
  let system: TestSystem;
  let simulated: SimulatedCamera;
  let client: Client;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'framekeep-temporal-'));
    temporal = await startTemporal({
      dir: undefined,
      logPath: join(dir, 'temporal.log'),
      namespace: 'default',
      uiPort: false,
      dynamicConfig: { 'limit.historyCount.suggestContinueAsNew': '30' },
    });
    system = await createTestSystem({ temporal: { address: temporal.address, namespace: 'default' } });
    system.start('api', 'api');
    system.start('workers', 'control,recorder', { FRAMEKEEP_SESSION_SECONDS: '5' });
    simulated = await startCamera();
    client = new Client({ connection: await Connection.connect({ address: temporal.address }) });
    await waitFor('the API is ready', async () => (await fetch(`${system.url}/readyz`)).ok);
  });

  afterAll(async () => {
    await client?.connection.close();
    await simulated?.close();
    await system?.stop();
    await temporal?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  const camera = async (id: string): Promise<CameraAnswer> =>
    (await system.call<CameraAnswer>('GET', `/v1/cameras/${id}`)).body;

  async function recordingCamera(name: string): Promise<string> {
    const created = await system.call<CameraAnswer>('POST', '/v1/cameras', { name, url: simulated.url() });
    expect(created.status).toBe(201);
    const { id } = created.body;
    await waitFor(`${name} records`, async () => (await camera(id)).lastSegmentEndAt !== null);
    return id;
  }

  async function stateInTemporal(id: string): Promise<string> {
    return (await client.workflow.getHandle(cameraWorkflowId(id)).query(stateQuery)).state;
  }

  test.concurrent('pauses, resumes and retires while every run is due to continue as new', async () => {
    const id = await recordingCamera('Gate');
    const firstRun = (await client.workflow.getHandle(cameraWorkflowId(id)).describe()).runId;
    for (let round = 0; round < 3; round += 1) {
      const paused = await system.call<CameraAnswer>('POST', `/v1/cameras/${id}/pause`);
      expect([200, 202]).toContain(paused.status);
      expect(paused.body.state).toBe('paused');
      await waitFor('paused in Temporal', async () => (await stateInTemporal(id)) === 'paused');
      const resumed = await system.call('POST', `/v1/cameras/${id}/resume`);
      expect([200, 202]).toContain(resumed.status);
      await waitFor('records again', async () => (await camera(id)).state === 'recording');
    }
    await waitFor('continued as new', async () => {
      const { runId } = await client.workflow.getHandle(cameraWorkflowId(id)).describe();
      return runId !== firstRun;
    });

    await system.call('POST', `/v1/cameras/${id}/retire`);
    await waitFor('grace in Temporal', async () => (await stateInTemporal(id)) === 'grace');
    const retired = await camera(id);
    expect(retired.state).toBe('grace');
    const segments = await system.call<{ items: unknown[] }>(
      'GET',
      `/v1/cameras/${id}/segments?from=${hourAgo()}&to=${inAnHour()}`,
    );
    expect(segments.body.items.length).toBeGreaterThan(0);
  });

  test.concurrent('comes back after a mistaken terminate, and takes in what was asked meanwhile', async () => {
    const id = await recordingCamera('Yard');
    await client.workflow.getHandle(cameraWorkflowId(id)).terminate('by mistake');
    const paused = await system.call<CameraAnswer>('POST', `/v1/cameras/${id}/pause`);
    expect(paused.status).toBe(202);
    await client.schedule.getHandle('ensure-cameras').trigger();
    await waitFor('the workflow is back and paused', async () => (await stateInTemporal(id)) === 'paused');
    await system.call('POST', `/v1/cameras/${id}/resume`);
    await waitFor('it records again', async () => (await camera(id)).state === 'recording');
  });

  test.concurrent('shows its state in search attributes and details', async () => {
    const id = await recordingCamera('Hall');
    await waitFor('search attribute', async () => {
      const { searchAttributes } = await client.workflow.getHandle(cameraWorkflowId(id)).describe();
      return searchAttributes['CameraState']?.[0] !== undefined && searchAttributes['Host']?.[0] !== 'none';
    });
  });
});

const hourAgo = (): string => new Date(Date.now() - 3_600_000).toISOString();
const inAnHour = (): string => new Date(Date.now() + 3_600_000).toISOString();

import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { createPool } from '../db/sql.ts';
import { errorText } from '../errors.ts';
import { cameraWorkflowId } from '../workflows/messages.ts';
import { toolPath } from './embedded/tool-path.ts';
import { endProcess, startBenchCameras, startBenchSystem, until, type BenchSystem } from './bench/bench-system.ts';

/** Of this checkout: stacks of failures name files below it. */
const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
/** Those to write, by name (`camera`, `reconcile`, ...); all where none is given. */
const wanted = process.argv.slice(2);

/**
 * Records the histories that test/workflows/replay.test.ts replays: a camera's life through every intent, with a
 * recorder that goes and comes back, another one's grace and purge, the end of a tenant, and one run of each scheduled
 * workflow. Run it when a workflow changes on purpose; histories of older versions stay, since cameras in the field
 * have them.
 */
async function recordHistories(): Promise<void> {
  const system = await startBenchSystem({ FRAMEKEEP_SEGMENT_SECONDS: '2', FRAMEKEEP_SESSION_SECONDS: '5' });
  try {
    const { cameras, process: cameraProcess } = await startBenchCameras(1);
    try {
      await write(system, await liveThroughAll(system, cameras[0]?.url ?? ''));
    } finally {
      await endProcess(cameraProcess);
    }
  } finally {
    await system.stop();
  }
}

/** @returns the cameras' ids by the names of their histories */
async function liveThroughAll(system: BenchSystem, url: string): Promise<Record<string, string>> {
  system.start('api', 'api');
  system.start('control', 'control');
  const recorder = system.start('recorder', 'recorder');
  await until('the API answers', async () => (await fetch(`${system.url}/readyz`)).ok);
  const { id } = await system.call<{ id: string }>('POST', '/v1/cameras', { name: 'Gate', url });
  const isIn = (state: string) => async (): Promise<boolean> => (await stateOf(system, id)) === state;

  await until('it records', isIn('recording'));
  await sleep(12_000); // two session rollovers
  for (const action of ['pause', 'resume'] as const) {
    await system.call('POST', `/v1/cameras/${id}/${action}`);
    await until(action, isIn(action === 'pause' ? 'paused' : 'recording'));
    await sleep(3_000);
  }
  await system.call('PATCH', `/v1/cameras/${id}`, { url: `${url}?again` });
  await sleep(5_000);
  // Before a host is lost: a purge waits for the spool of every host there was.
  await deleteTenant(system, url);
  const cameraPurge = await purgeCamera(system, `${url}?purge`);
  recorder.kill('SIGKILL');
  await sleep(1_000);
  system.start('recorder-again', 'recorder');
  await sleep(30_000); // the heartbeat timeout of 20 s, and the next attempt
  await until('it records again', isIn('recording'));
  await system.call('POST', `/v1/cameras/${id}/retire`);
  await until('retired', isIn('grace'));
  await system.call('POST', `/v1/cameras/${id}/reactivate`);
  await until('reactivated', isIn('recording'));
  await sleep(3_000);
  return { camera: id, cameraPurge };
}

async function stateOf(system: BenchSystem, id: string): Promise<string> {
  return (await system.call<{ state: string }>('GET', `/v1/cameras/${id}`)).state;
}

/**
 * A camera whose grace ends by itself, that a hold then keeps from its purge, and that is purged.
 * @returns its id
 */
async function purgeCamera(system: BenchSystem, url: string): Promise<string> {
  const { id } = await system.call<{ id: string }>('POST', '/v1/cameras', { name: 'Purged', url });
  const isIn = (state: string) => async (): Promise<boolean> => (await stateOf(system, id)) === state;
  await until('the camera to be purged records', isIn('recording'));
  await sleep(5_000);
  const hold = async (): Promise<string> => {
    const to = new Date().toISOString();
    const body = { cameraId: id, from: '2026-01-01T00:00:00Z', to, reason: 'case 7' };
    return (await system.call<{ id: string }>('POST', '/v1/holds', body)).id;
  };
  const [first, second] = [await hold(), await hold()];
  await system.call('POST', `/v1/cameras/${id}/retire`);
  await until('it is in grace', isIn('grace'));
  await sleep(2_000); // its workflow waits for 90 days
  const pool = createPool(system.databaseUrl, { max: 1, applicationName: 'record-histories' });
  await pool.query(`update camera set grace_ends_at = now() + interval '10 s' where public_id = $1`, [id]);
  await pool.end();
  // Tells the workflow to look again: now it waits for 10 s.
  await system.call('DELETE', `/v1/holds/${first}`);
  await until('its purge waits for the other hold', async () => {
    const { stateReason } = await system.call<{ stateReason: string | null }>('GET', `/v1/cameras/${id}`);
    return stateReason?.includes('case 7') ?? false;
  });
  await system.call('DELETE', `/v1/holds/${second}`);
  await until('it is purged', isIn('purged'));
  return id;
}

/** A tenant with a camera leaves. */
async function deleteTenant(system: BenchSystem, url: string): Promise<void> {
  const tenant = await system.call<{ id: string }>('POST', '/v1/tenants', { name: 'School' });
  const body = { name: 'Door', url: `${url}?door`, tenantId: tenant.id };
  const { id } = await system.call<{ id: string }>('POST', '/v1/cameras', body);
  await system.call('POST', `/v1/tenants/${tenant.id}/delete`, { name: 'School' });
  await until('the tenant is deleted', async () => {
    const path = `/v1/certificates?tenantId=${tenant.id}`;
    const { items } = await system.call<{ items: { kind: string }[] }>('GET', path);
    return items.some(({ kind }) => kind === 'tenant');
  });
  if ((await stateOf(system, id)) !== 'purged') throw new Error('no purge');
}

/** @param cameras ids by the names of their histories; those of other cameras are not written */
async function write(system: BenchSystem, cameras: Record<string, string>): Promise<void> {
  const names = new Map(Object.entries(cameras).map(([name, id]) => [cameraWorkflowId(id), name]));
  const folder = fileURLToPath(new URL('../test/histories', import.meta.url));
  await mkdir(folder, { recursive: true });
  const connection = await Connection.connect({ address: system.temporalAddress });
  try {
    const seen = new Set<string>();
    for await (const { workflowId, runId, type } of new Client({ connection }).workflow.list()) {
      const name = names.get(workflowId) ?? type;
      if (name === 'cameraWorkflow' || seen.has(name) || (wanted.length > 0 && !wanted.includes(name))) continue;
      seen.add(name);
      const history: unknown = JSON.parse(await historyOf(system, workflowId, runId), withoutRoot);
      await writeFile(`${folder}/${name}.json`, `${JSON.stringify(history, null, 2)}\n`);
    }
  } finally {
    await connection.close();
  }
}

/** A value of a history without this machine's paths; payloads are base64, and stacks of failures are in them too. */
function withoutRoot(key: string, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (key !== 'data') return value.replaceAll(root, '.');
  const text = Buffer.from(value, 'base64').toString('utf8');
  return text.includes(root) ? Buffer.from(text.replaceAll(root, '.')).toString('base64') : value;
}

/** As JSON by the server's own tool: the SDK's `historyToJSON` cannot take what its client has fetched. */
async function historyOf(system: BenchSystem, workflowId: string, runId: string): Promise<string> {
  const args = ['workflow', 'show', '--output', 'json', '--address', system.temporalAddress];
  const { stdout } = await promisify(execFile)(
    toolPath('temporal'),
    [...args, '--workflow-id', workflowId, '--run-id', runId],
    { maxBuffer: 64 * 1024 * 1024 },
  );
  return stdout;
}

recordHistories().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${errorText(error)}\n`);
    process.exit(1);
  },
);

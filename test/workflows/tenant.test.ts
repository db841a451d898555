import { Worker } from '@temporalio/worker';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cameraByPublicId } from '../../db/cameras.ts';
import { listCertificates } from '../../db/certificates.ts';
import { placeHold, releaseHold } from '../../db/holds.ts';
import { transaction } from '../../db/sql.ts';
import { requestTenantDeletion } from '../../db/tenant-deletion.ts';
import { insertTenant, tenantById } from '../../db/tenants.ts';
import type { Camera } from '../../domain/camera.ts';
import { problemsOf } from '../../security/certificates.ts';
import { sendIntentUpdate } from '../../temporal/camera-workflows.ts';
import { startTenantDeletion } from '../../temporal/tenant-workflows.ts';
import { cameraWorkflowId } from '../../workflows/messages.ts';
import { clocksAt, makeCamera } from '../db/fixtures.ts';
import { testServer } from '../support/servers.ts';
import { keysOf, storeFootage } from '../support/stored-footage.ts';
import { dayMs, skipTime, type SkippedTime } from './time-skipping.ts';

let time: SkippedTime;
beforeEach(async () => {
  time = await skipTime();
}, 60_000);
afterEach(() => time.close());

type Owned = Camera & { internalId: number };

/** @param isStarted false: without workflows, since time does not skip while a session runs */
async function tenantWithCameras(
  name: string,
  count: number,
  isStarted = true,
): Promise<{ tenantId: string; cameras: Owned[] }> {
  const { pool } = time.database;
  const { id: tenantId } = await insertTenant(pool, name);
  const startMs = (await time.nowMs()) - dayMs;
  const cameras: Owned[] = [];
  for (let i = 0; i < count; i += 1) {
    const made = { ...(await makeCamera(pool, { createdAtMs: startMs, name: `${name} ${i}` })), tenantId };
    await pool.query(`update camera set tenant_id = (select id from tenant where public_id = $2) where id = $1`, [
      made.internalId,
      tenantId,
    ]);
    await storeFootage({ db: pool, objects: time.objects }, made, { startMs });
    if (isStarted) await time.start(made);
    cameras.push(made);
  }
  return { tenantId, cameras };
}

async function requestDeletion(tenantId: string): Promise<void> {
  const nowMs = await time.nowMs();
  const request = { by: 'account:admin', nowMs, graceMs: 90 * dayMs, clocks: clocksAt(nowMs) };
  const told = await transaction(time.database.pool, (tx) => requestTenantDeletion(tx, tenantId, request));
  for (const { cameraId, configVersion } of told) {
    await sendIntentUpdate(time.env.client, cameraId, 'retire', configVersion);
  }
}

const deletionOf = (tenantId: string) => time.env.client.workflow.getHandle(`delete-tenant/${tenantId}`);

/** Lets time pass and the recorder's host do its part. */
async function pass(days: number): Promise<void> {
  await time.pass(days * dayMs);
  await time.purgeOrders.carryOut();
}

async function tenantCertificates(tenantId: string): Promise<unknown[]> {
  const found = await listCertificates(time.database.pool, { tenantId, limit: 10 });
  return found.filter(({ kind }) => kind === 'tenant').map(({ document }) => JSON.parse(document) as unknown);
}

test(
  'a hold on one camera keeps a tenant’s end waiting, which says so; then one certificate names all',
  { timeout: 180_000 },
  async () => {
    const { tenantId, cameras } = await time.withWorker(async () => {
      const made = await tenantWithCameras('School', 2);
      const [held, free] = made.cameras;
      if (held === undefined || free === undefined) throw new Error('no cameras');
      const { pool } = time.database;
      const placed = { reason: 'case 7', placedBy: 'account:admin', placedAtMs: await time.nowMs(), untilMs: null };
      const range = { startMs: held.createdAtMs, endMs: held.createdAtMs + 1 };
      const { hold } = await transaction(pool, (tx) => placeHold(tx, { cameraId: held.id, ...range, ...placed }));
      await requestDeletion(made.tenantId);
      await startTenantDeletion(time.env.client, made.tenantId);
      await pass(0.1);
      await pass(0.5);
      expect((await cameraByPublicId(pool, free.id))?.state).toBe('purged');
      expect(await keysOf(time.objects, free)).toEqual([]);
      expect(await cameraByPublicId(pool, held.id)).toMatchObject({
        state: 'grace',
        stateReason: 'An evidence hold keeps the footage until it is released: case 7',
      });
      expect(await keysOf(time.objects, held)).toHaveLength(1);
      expect(await tenantCertificates(made.tenantId)).toEqual([]);
      expect((await deletionOf(made.tenantId).describe()).status.name).toBe('RUNNING');
      const said: unknown = await deletionOf(made.tenantId).query('__temporal_workflow_metadata');
      expect(said).toMatchObject({
        currentDetails:
          '1 camera(s) are not purged yet; School 0 is grace: An evidence hold keeps the footage until it is released: case 7',
      });
      const nowMs = await time.nowMs();
      const { version } = await transaction(pool, (tx) => releaseHold(tx, hold.id, { by: 'account:admin', nowMs }));
      await sendIntentUpdate(time.env.client, held.id, 'retire', version ?? 0);
      await pass(0.1);
      await time.env.client.workflow.getHandle(cameraWorkflowId(held.id)).result();
      await deletionOf(made.tenantId).result();
      return made;
    });
    for (const camera of cameras) expect(await keysOf(time.objects, camera)).toEqual([]);
    const [certificate, ...more] = await tenantCertificates(tenantId);
    expect(more).toEqual([]);
    expect(problemsOf(certificate)).toEqual([]);
    expect(certificate).toMatchObject({
      document: {
        kind: 'tenant',
        tenant: { id: tenantId, name: 'School' },
        cameras: cameras.map(({ id }) => ({ id, segments: 1 })),
      },
    });
    expect((await tenantById(time.database.pool, tenantId))?.name ?? `deleted ${tenantId}`).toBe(`deleted ${tenantId}`);
    const history = await deletionOf(tenantId).fetchHistory();
    await Worker.runReplayHistory({ workflowBundle: await testServer('workflows') }, history);
  },
);

test(
  'upkeep ends contracts, starts deletions that were lost, and certifies months, each once',
  { timeout: 180_000 },
  async () => {
    await time.withWorker(async () => {
      const { pool } = time.database;
      const paying = await tenantWithCameras('Paying', 1, false);
      const leaving = await tenantWithCameras('Leaving', 1);
      const nowMs = await time.nowMs();
      const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
      await pool.query(
        `insert into contract (tenant_id, price_list_id, starts_on, term_months, notice_days, prepay_months, ends_on, end_reason)
       select t.id, (select min(id) from price_list), $2, 12, 30, 0, $3, 'notice' from tenant t where t.public_id = $1`,
        [paying.tenantId, day(nowMs - 400 * dayMs), day(nowMs + 2 * dayMs)],
      );
      await requestDeletion(leaving.tenantId); // and nobody starts its workflow
      const [rolled] = paying.cameras;
      await pool.query(
        `insert into deleted_segment (camera_id, start_at, sha256, duration_ms, bytes, epoch, variant, cause, deleted_at)
       values ($1, $2, '\\x00', 1, 1, 1, 0, 'retention', $2)`,
        [rolled?.internalId, new Date(nowMs - 70 * dayMs)],
      );
      const upkeep = (workflowId: string): Promise<unknown> =>
        time.env.client.workflow.execute('lifecycleUpkeep', { workflowId, taskQueue: 'control' });
      await upkeep('first');
      expect((await cameraByPublicId(pool, rolled?.id ?? ''))?.intent).toBe('record');
      await pass(0.1);
      await deletionOf(leaving.tenantId).result();
      expect(await tenantCertificates(leaving.tenantId)).toHaveLength(1);
      await pass(3);
      await upkeep('second');
      expect(await cameraByPublicId(pool, rolled?.id ?? '')).toMatchObject({ intent: 'retired', state: 'grace' });
      await upkeep('third');
      const months = await listCertificates(pool, { cameraId: rolled?.id ?? '', limit: 10 });
      expect(months.map(({ kind }) => kind)).toEqual(['retention']);
      const { rows } = await pool.query<{ action: string }>(
        `select action from audit_entry where tenant_id = any($1::uuid[]) and actor like 'service:%' order by id`,
        [[paying.tenantId, leaving.tenantId]],
      );
      const actions = rows.map(({ action }) => action);
      expect(actions.filter((action) => action === 'contract.end')).toHaveLength(1);
      const history = await time.env.client.workflow.getHandle('second').fetchHistory();
      await Worker.runReplayHistory({ workflowBundle: await testServer('workflows') }, history);
    });
  },
);

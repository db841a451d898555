import { Worker } from '@temporalio/worker';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cameraByPublicId } from '../../db/cameras.ts';
import { listCertificates } from '../../db/certificates.ts';
import { requestPurge } from '../../db/purge.ts';
import { transaction } from '../../db/sql.ts';
import { problemsOf } from '../../security/certificates.ts';
import { cameraWorkflowId, stateQuery } from '../../workflows/messages.ts';
import { makeCamera } from '../db/fixtures.ts';
import { testServer } from '../support/servers.ts';
import { keysOf, storeFootage } from '../support/stored-footage.ts';
import { waitFor } from '../support/system.ts';
import { dayMs, skipTime, type SkippedTime } from './time-skipping.ts';

let time: SkippedTime;
beforeEach(async () => {
  time = await skipTime();
}, 60_000);
afterEach(() => time.close());

async function retiredCamera() {
  const startMs = (await time.nowMs()) - dayMs;
  const camera = await makeCamera(time.database.pool, { createdAtMs: startMs });
  for (let i = 0; i < 3; i += 1) {
    const deps = { db: time.database.pool, objects: time.objects };
    await storeFootage(deps, camera, { startMs: startMs + i * 60_000 });
  }
  await time.start(camera);
  await time.decide(camera, 'retire');
  return camera;
}

const handleOf = (id: string) => time.env.client.workflow.getHandle(cameraWorkflowId(id));

async function shown(id: string): Promise<{ postgres: string | undefined; temporal: string; reason: string | null }> {
  const camera = await cameraByPublicId(time.database.pool, id);
  const { state } = await handleOf(id).query(stateQuery);
  return { postgres: camera?.state, temporal: state, reason: camera?.stateReason ?? null };
}

/** Lets time pass and the recorder's host do its part. */
async function pass(days: number): Promise<void> {
  await time.pass(days * dayMs);
  await time.purgeOrders.carryOut();
}

async function certificatesOf(id: string): Promise<string[]> {
  return (await listCertificates(time.database.pool, { cameraId: id, limit: 10 })).map(({ document }) => document);
}

test(
  '90 days of readable archive, then purged with a certificate; its history replays',
  { timeout: 120_000 },
  async () => {
    const camera = await time.withWorker(async () => {
      const retired = await retiredCamera();
      await pass(89.9);
      expect(await shown(retired.id)).toMatchObject({ postgres: 'grace', temporal: 'grace' });
      expect((await keysOf(time.objects, retired)).length).toBe(3);
      await pass(0.2);
      await handleOf(retired.id).result();
      expect(await shown(retired.id)).toMatchObject({ postgres: 'purged', temporal: 'purged' });
      return retired;
    });
    expect(await keysOf(time.objects, camera)).toEqual([]);
    const [certificate, ...more] = await certificatesOf(camera.id);
    expect(more).toEqual([]);
    const signed: unknown = JSON.parse(certificate ?? '');
    expect(problemsOf(signed)).toEqual([]);
    expect(signed).toMatchObject({
      document: {
        kind: 'purge',
        footage: { segments: 3 },
        purge: { cause: 'grace-ended', spools: [{ hostId: time.spool.hostId, state: 'empty' }], copies: [] },
      },
    });
    const history = await handleOf(camera.id).fetchHistory();
    await Worker.runReplayHistory({ workflowBundle: await testServer('workflows') }, history);
  },
);

test('reactivated, it keeps its footage; retired again, it has 90 days again', { timeout: 120_000 }, async () => {
  await time.withWorker(async () => {
    const camera = await retiredCamera();
    await pass(80);
    await time.decide(camera, 'reactivate');
    expect((await shown(camera.id)).postgres).toBe('connecting');
    await waitFor('the workflow records again', async () => (await shown(camera.id)).temporal === 'connecting');
    await time.decide(camera, 'retire');
    // Time does not skip while a session runs.
    await waitFor('the session has ended', async () => {
      const { pendingActivities } = (await handleOf(camera.id).describe()).raw;
      return (pendingActivities ?? []).length === 0;
    });
    await pass(89);
    expect(await shown(camera.id)).toMatchObject({ postgres: 'grace' });
    await pass(2);
    await handleOf(camera.id).result();
    expect(await keysOf(time.objects, camera)).toEqual([]);
  });
});

test('the deadline outlives the workflow, its workers and a changed setting', { timeout: 120_000 }, async () => {
  const camera = await time.withWorker(async () => {
    const retired = await retiredCamera();
    await pass(61);
    return retired;
  });
  await time.pass(20 * dayMs); // without any worker
  await time.withWorker(async () => {
    // By mistake; ensure-cameras starts it again.
    await handleOf(camera.id).terminate('by mistake');
    await time.start(camera);
    await pass(8.9);
    expect(await shown(camera.id)).toMatchObject({ postgres: 'grace', temporal: 'grace' });
    await pass(0.2);
    await handleOf(camera.id).result();
  });
  expect((await cameraByPublicId(time.database.pool, camera.id))?.state).toBe('purged');
  expect((await certificatesOf(camera.id)).length).toBe(1);
});

test('purgeNow does not wait for the grace period, and is final', { timeout: 120_000 }, async () => {
  await time.withWorker(async () => {
    const camera = await retiredCamera();
    const nowMs = await time.nowMs();
    const request = { by: 'account:admin', cause: 'requested', nowMs } as const;
    const version = await transaction(time.database.pool, (tx) => requestPurge(tx, camera.id, request));
    await time.send(camera.id, 'purgeNow', version);
    await pass(0.01);
    await handleOf(camera.id).result();
    await expect(time.decide(camera, 'reactivate')).rejects.toThrow('grace period');
    const [certificate] = await certificatesOf(camera.id);
    expect(JSON.parse(certificate ?? '')).toMatchObject({
      document: { purge: { cause: 'requested', requestedBy: 'account:admin' } },
    });
  });
});

test('a hold keeps everything, and the camera says so; released, the purge goes on', { timeout: 120_000 }, async () => {
  await time.withWorker(async () => {
    const camera = await retiredCamera();
    const { pool } = time.database;
    const [from, to] = [new Date(camera.createdAtMs), new Date(camera.createdAtMs + 60_000)];
    await pool.query(
      `insert into hold (camera_id, start_at, end_at, reason, placed_by, placed_at)
       values ($1, $2, $3, 'case 17', 'account:admin', $2)`,
      [camera.internalId, from, to],
    );
    await pass(91); // it is asked for every hour from day 90 on
    expect(await shown(camera.id)).toMatchObject({
      postgres: 'grace',
      temporal: 'grace',
      reason: 'An evidence hold keeps the footage until it is released: case 17',
    });
    expect((await keysOf(time.objects, camera)).length).toBe(3);
    await pool.query(`update hold set released_at = $2, released_by = 'account:admin' where camera_id = $1`, [
      camera.internalId,
      new Date(await time.nowMs()),
    ]);
    await pass(0.1);
    await handleOf(camera.id).result();
    expect(await keysOf(time.objects, camera)).toEqual([]);
  });
});

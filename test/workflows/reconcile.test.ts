import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createReconcileActivities } from '../../activities/reconcile.ts';
import { lookAtShard, type LookProgress } from '../../activities/reconcile-look.ts';
import { createSampleFootageActivities } from '../../activities/sample-footage.ts';
import { listPasses, requestPass } from '../../db/reconcile-passes.ts';
import { countChecks } from '../../db/segment-checks.ts';
import { startReconcile } from '../../temporal/reconcile.ts';
import { createReconcileSite, nowMs, t0, type ReconcileSite } from '../activities/reconcile-site.ts';
import { ffmpeg } from '../media/footage.ts';
import { testServer } from '../support/servers.ts';
import { testTemporal } from '../support/temporal.ts';

const hourMs = 3_600_000;
const nobody = { id: '', tenantId: '', internalId: 0 };
let site: ReconcileSite;
beforeAll(async () => {
  site = await createReconcileSite();
});
afterAll(() => site.close());

test('a lost worker’s successor goes on at the last key, and counts each one once', async () => {
  const cameras = [await site.addCamera(), await site.addCamera(), await site.addCamera()];
  for (const camera of cameras) for (let i = 0; i < 2; i += 1) await site.record(camera, t0 + i * 2 * hourMs);
  const pass = { passId: 999, clock: { nowMs, latestMs: nowMs }, shard: 0, shards: 1 };
  const seen: LookProgress[] = [];
  const looked = await lookAtShard(site.deps, pass, { from: null, beat: (at) => seen.push(at) });
  expect(looked).toEqual({ rows: 6, objects: 6 });
  expect(seen.map(({ rows }) => rows)).toEqual([2, 4, 6]);
  // Lost after any of its heartbeats, and half-way through a camera.
  const [first] = await site.rows(cameras[1] ?? nobody);
  const halfWay = { internalId: cameras[1]?.internalId ?? 0, afterKey: first ?? null, rows: 3, objects: 3 };
  for (const from of [...seen, halfWay]) {
    expect(await lookAtShard(site.deps, pass, { from, beat: () => undefined })).toEqual(looked);
  }
});

test('scheduled and asked-for passes run on Temporal: looked at, waited, acted on', { timeout: 90_000 }, async () => {
  const camera = await site.addCamera();
  const lost = await site.record(camera, t0);
  await site.objects.remove([lost.key]);
  const stray = await site.store(camera, t0 + 4 * hourMs);
  const { address, namespace } = await testTemporal();
  const [connection, native] = await Promise.all([
    Connection.connect({ address }),
    NativeConnection.connect({ address }),
  ]);
  try {
    const client = new Client({ connection, namespace });
    const worker = await Worker.create({
      connection: native,
      namespace,
      taskQueue: 'control',
      workflowBundle: await testServer('workflows'),
      activities: {
        ...createReconcileActivities({ ...site.deps, recheckMs: 300 }),
        ...createSampleFootageActivities({ ...site.deps, ffmpeg, segments: 3 }),
      },
    });
    await worker.runUntil(async () => {
      await requestPass(site.database.pool, { by: 'account:admin', dryRun: true, nowMs });
      await startReconcile(client);
      await client.workflow.getHandle('reconcile/requested').result();
      expect(await listPasses(site.database.pool, 9)).toMatchObject([
        { state: 'done', dryRun: true, found: { missing: 1, catalogue: 1 } },
      ]);
      expect(await site.rows(camera)).toEqual([lost.key]);
      await client.workflow.execute('reconcile', { workflowId: 'scheduled', taskQueue: 'control' });
      expect((await listPasses(site.database.pool, 9))[0]).toMatchObject({
        state: 'done',
        requestedBy: null,
        found: { missing: 1, catalogued: 1 },
      });
      expect(await site.rows(camera)).toEqual([stray.key]);
      await client.workflow.execute('sampleFootage', { workflowId: 'sample', taskQueue: 'control' });
      const history = await client.workflow.getHandle('scheduled').fetchHistory();
      await Worker.runReplayHistory({ workflowBundle: await testServer('workflows') }, history);
    });
    const checks = await countChecks(site.database.pool, nowMs - 1);
    expect(checks.map(({ verdict }) => verdict)).toEqual(['good']);
  } finally {
    await connection.close();
    await native.close();
  }
});

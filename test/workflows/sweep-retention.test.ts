import { Client, Connection } from '@temporalio/client';
import { ActivityFailure, ApplicationFailure, RetryState, TimeoutFailure } from '@temporalio/common';
import { NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSweepRetentionActivities } from '../../activities/sweep-retention.ts';
import { sweepState } from '../../db/sweep-state.ts';
import { dayMs } from '../../domain/retention.ts';
import { createLogger } from '../../log.ts';
import type { Objects } from '../../storage/objects.ts';
import { sweptAnHourBefore } from '../activities/whole-sweep.ts';
import { makeCamera } from '../db/fixtures.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createTestBucket } from '../support/objects.ts';
import { testServer } from '../support/servers.ts';
import { testTemporal } from '../support/temporal.ts';
import { sweptBefore } from '../../workflows/sweep-count.ts';
import { keysOf, storeFootage, type FootageOwner } from '../support/stored-footage.ts';

let database: TestDatabase;
let objects: Objects;
beforeAll(async () => {
  [database, objects] = await Promise.all([createTestDatabase(), createTestBucket()]);
});
afterAll(async () => {
  objects.close();
  await database.drop();
});

test(
  'one run sweeps all shards and notes it; a stopped one deletes nothing, one that fails keeps the forecast',
  { timeout: 120_000 },
  async () => {
    const startMs = Date.now() - 31 * dayMs;
    const cameras: FootageOwner[] = [];
    for (let i = 0; i < 6; i += 1) {
      const camera = await makeCamera(database.pool, { createdAtMs: startMs });
      const youngMs = Date.now() - 29 * dayMs;
      await storeFootage({ db: database.pool, objects }, camera, { startMs });
      await storeFootage({ db: database.pool, objects }, camera, { startMs: youngMs });
      cameras.push(camera);
    }
    const { address, namespace } = await testTemporal();
    const [connection, native] = await Promise.all([
      Connection.connect({ address }),
      NativeConnection.connect({ address }),
    ]);
    try {
      const client = new Client({ connection, namespace });
      let aheadMs = 2 * 365 * dayMs;
      let isFailing = false;
      const [first] = cameras;
      const store: Objects = {
        ...objects,
        remove: (keys) => {
          if (isFailing && keys.some((key) => key.includes(first?.id ?? ''))) throw new Error('the store is away');
          return objects.remove(keys);
        },
      };
      const deps = { db: database.pool, objects, log: createLogger({ level: 'silent', name: 'test' }) };
      const worker = await Worker.create({
        connection: native,
        namespace,
        taskQueue: 'control',
        workflowBundle: await testServer('workflows'),
        activities: createSweepRetentionActivities({ ...deps, objects: store, now: () => Date.now() + aheadMs }),
      });
      const run = (workflowId: string): Promise<unknown> =>
        client.workflow.execute('sweepRetention', { workflowId, taskQueue: 'control' });
      await worker.runUntil(async () => {
        await run('ahead');
        expect((await sweepState(database.pool)).stopped?.reason).toBe('clock');
        for (const camera of cameras) expect(await keysOf(objects, camera)).toHaveLength(2);
        aheadMs = 0;
        await database.pool.query(`update retention_sweep set stopped_at = null, stop_reason = null`);
        await sweptAnHourBefore(database.pool, Date.now());
        isFailing = true;
        await expect(run('failing')).rejects.toThrow('Workflow execution failed');
        const failed = await sweepState(database.pool);
        expect(failed.lookedMs).toBeGreaterThan(failed.sweptMs ?? Infinity);
        expect(failed.forecast.length).toBeGreaterThan(0);
        // One of them by the shard that failed.
        expect(failed).toMatchObject({ segments: 5, refused: 0 });
        for (const camera of cameras) expect(await keysOf(objects, camera)).toHaveLength(camera === first ? 2 : 1);
        isFailing = false;
        await run('right');
      });
      for (const camera of cameras) expect(await keysOf(objects, camera)).toHaveLength(1);
      const state = await sweepState(database.pool);
      expect(state).toMatchObject({ segments: 1, refused: 0, stopped: null, sweptMs: state.lookedMs });
      expect(state.forecast.map(({ dueMs }) => dueMs / 60_000)).toEqual([0, 0, 0, 6, 6, 6]);
    } finally {
      await connection.close();
      await native.close();
    }
  },
);

test('what a shard that failed had deleted is told by itself, or by the last sign of life of its worker', () => {
  const told = { segments: 7, bytes: 700, refused: 1, fromId: 3, refusedBefore: 0 };
  const swept = { segments: 7, bytes: 700, refused: 1 };
  const failedBy = (cause: Error): ActivityFailure =>
    new ActivityFailure('failed', 'sweepShard', '1', RetryState.MAXIMUM_ATTEMPTS_REACHED, undefined, cause);
  expect(sweptBefore(failedBy(ApplicationFailure.create({ details: [told] })))).toEqual(swept);
  expect(sweptBefore(failedBy(new TimeoutFailure('no heartbeat', told, 'HEARTBEAT')))).toEqual(swept);
  const nothing = { segments: 0, bytes: 0, refused: 0 };
  expect(sweptBefore(failedBy(new TimeoutFailure('not begun', undefined, 'START_TO_CLOSE')))).toEqual(nothing);
  expect(sweptBefore(failedBy(ApplicationFailure.create({})))).toEqual(nothing);
});

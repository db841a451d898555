import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { randomBytes } from 'node:crypto';
import { Context } from '@temporalio/activity';
import proto from '@temporalio/proto';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import { createCameraIntentActivities } from '../../activities/camera-intent.ts';
import { createCertifyRetentionActivities } from '../../activities/certify-retention.ts';
import { createDeleteTenantActivities } from '../../activities/delete-tenant.ts';
import { createEndContractsActivities } from '../../activities/end-contracts.ts';
import { createPurgeActivities } from '../../activities/purge.ts';
import type { SessionRequest, SessionResult } from '../../activities/record-session.ts';
import { changeIntent, type IntentAction } from '../../db/camera-changes.ts';
import { leaseOf } from '../../db/leases.ts';
import { transaction, type Db } from '../../db/sql.ts';
import type { Told } from '../../db/tenant-deletion.ts';
import { createLogger } from '../../log.ts';
import { createLinger } from '../../recorder/linger.ts';
import { createCameraIds } from '../../recorder/camera-ids.ts';
import { createPurgeOrders, type PurgeOrders } from '../../recorder/purge-orders.ts';
import { createQuarantine } from '../../recorder/quarantine.ts';
import { upsertRecorder } from '../../db/recorders.ts';
import { findTool } from '../../scripts/setup/tools.mjs';
import { createSealer, type Sealer } from '../../security/seal.ts';
import type { Objects } from '../../storage/objects.ts';
import { openSpool, type Spool } from '../../storage/spool.ts';
import { sendIntentUpdate, startCameraWorkflow, type IntentUpdate } from '../../temporal/camera-workflows.ts';
import { startTenantDeletion } from '../../temporal/tenant-workflows.ts';
import { cameraSearchAttributes, controlQueue, purgeQueue, recordQueue } from '../../workflows/messages.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createTestBucket } from '../support/objects.ts';
import { testServer } from '../support/servers.ts';
import { clocksAt } from '../db/fixtures.ts';

export const dayMs = 24 * 3_600_000;

/** A control worker with real activities, database, bucket and spool; time is the test server's, which skips waits. */
export interface SkippedTime {
  env: TestWorkflowEnvironment;
  database: TestDatabase;
  objects: Objects;
  sealer: Sealer;
  spool: Spool;
  /** What the one recorder there is does when it is asked to empty its spool. */
  purgeOrders: PurgeOrders;
  nowMs(): Promise<number>;
  /** Lets time pass, in steps in which workflows and activities get their turn. */
  pass(ms: number): Promise<void>;
  /** Decides as the API does: intent in Postgres, then the update. */
  decide(camera: { id: string; tenantId: string }, action: IntentAction, graceDays?: number): Promise<void>;
  send(cameraId: string, update: IntentUpdate, configVersion: number): Promise<void>;
  start(camera: { id: string; tenantId: string }): Promise<void>;
  /** Runs a control worker while `work` runs. */
  withWorker<T>(work: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** A session as of a recorder that cannot reach its camera: it lasts as long as the camera is wanted. */
function sessionWithoutCamera(db: Db, hostId: string): (request: SessionRequest) => Promise<SessionResult> {
  return async ({ cameraId }) => {
    while ((await leaseOf(db, cameraId))?.wanted === true) {
      Context.current().heartbeat();
      await sleep(100);
    }
    return { reason: 'unwanted', lastSegmentEndMs: null, hostId };
  };
}

export async function skipTime(): Promise<SkippedTime> {
  const path = findTool('temporal-test-server', process.env);
  if (path === undefined) throw new Error('temporal-test-server is missing: run node scripts/setup.mjs --test');
  const executable = { type: 'existing-path', path } as const;
  const [env, database, objects, dir] = await Promise.all([
    TestWorkflowEnvironment.createTimeSkipping({ server: { executable } }),
    createTestDatabase(),
    createTestBucket(),
    mkdtemp(join(tmpdir(), 'framekeep-lifecycle-')),
  ]);
  // The test server does not list attributes, so `registerSearchAttributes` cannot ask it which are missing.
  const keyword = proto.temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD;
  await env.connection.operatorService.addSearchAttributes({
    namespace: 'default',
    searchAttributes: Object.fromEntries(cameraSearchAttributes.map((name) => [name, keyword])),
  });
  const db = database.pool;
  const log = createLogger({ level: 'silent', name: 'test' });
  const sealer = createSealer(randomBytes(32).toString('hex'));
  const spool = await openSpool({ dir, maxBytes: 1e9 });
  await upsertRecorder(db, { hostId: spool.hostId, url: 'http://127.0.0.1:1', slots: 10, used: 0, seenMs: Date.now() });
  const activityNow = (): number => Context.current().info.currentAttemptScheduledTimestampMs;
  const linger = createLinger({
    db,
    spool,
    objects,
    cameraIds: createCameraIds(db),
    quarantine: createQuarantine({ spoolDir: dir, now: Date.now }),
    lingerMs: 1_800_000,
    log,
    now: Date.now,
  });
  const purgeOrders = createPurgeOrders({ db, spool, linger, isRecording: () => false, log, now: Date.now });
  const nowMs = (): Promise<number> => env.currentTimeMs();
  const clocks = { now: activityNow, databaseNow: async () => activityNow(), storeNow: async () => activityNow() };
  const deps = { db, objects, sealer, log, ...clocks };
  const tell = async ({ cameraId, configVersion }: Told): Promise<void> => {
    await sendIntentUpdate(env.client, cameraId, 'retire', configVersion);
  };

  async function send(cameraId: string, update: IntentUpdate, configVersion: number): Promise<void> {
    if (!(await sendIntentUpdate(env.client, cameraId, update, configVersion))) throw new Error('not accepted');
  }

  return {
    env,
    database,
    objects,
    sealer,
    spool,
    purgeOrders,
    nowMs,
    pass: (ms) => env.sleep(ms),
    async decide(camera, action, graceDays = 90) {
      const times = { clocks: clocksAt(await nowMs()), graceMs: graceDays * dayMs };
      const version = await transaction(db, (tx) => changeIntent(tx, camera.id, action, times));
      await send(camera.id, action, version);
    },
    send,
    start: ({ id, tenantId }) => startCameraWorkflow(env.client, { cameraId: id, tenantId, tier: 'normal' }),
    async withWorker(work) {
      const worker = await Worker.create({
        connection: env.nativeConnection,
        taskQueue: controlQueue,
        workflowBundle: await testServer('workflows'),
        activities: {
          ...createCameraIntentActivities({ db, now: activityNow }),
          ...createPurgeActivities(deps),
          ...createDeleteTenantActivities({ ...deps, tell }),
          ...createCertifyRetentionActivities(deps),
          ...createEndContractsActivities({
            ...deps,
            graceMs: 90 * dayMs,
            tell,
            startTenantDeletion: (tenantId) => startTenantDeletion(env.client, tenantId),
          }),
        },
      });
      const purges = await Worker.create({
        connection: env.nativeConnection,
        taskQueue: purgeQueue,
        activities: { ...createPurgeActivities(deps) },
      });
      const recorder = await Worker.create({
        connection: env.nativeConnection,
        taskQueue: recordQueue,
        activities: { recordSession: sessionWithoutCamera(db, spool.hostId) },
      });
      return recorder.runUntil(purges.runUntil(worker.runUntil(work)));
    },
    async close() {
      await env.teardown();
      objects.close();
      await database.drop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

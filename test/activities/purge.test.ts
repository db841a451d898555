import { CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { restOfBatchMs } from '../../activities/pace.ts';
import { createPurgeActivities } from '../../activities/purge.ts';
import { nothingSwept, sweepShard } from '../../activities/sweep-retention.ts';
import { listAuditEntries } from '../../db/audit.ts';
import { changeIntent } from '../../db/camera-changes.ts';
import { cameraByPublicId } from '../../db/cameras.ts';
import { certifiedLines } from '../../db/certificates.ts';
import { takeEpoch } from '../../db/leases.ts';
import { markForPurge } from '../../db/purge.ts';
import { commitSlow, insertSegment } from '../../db/segments.ts';
import { transaction } from '../../db/sql.ts';
import { dayMs } from '../../domain/retention.ts';
import { createLogger } from '../../log.ts';
import { digestOf, problemsOf } from '../../security/certificates.ts';
import { createObjects, type Objects } from '../../storage/objects.ts';
import { bucketOn } from '../storage/buckets.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { testS3 } from '../support/objects.ts';
import { footageOf, keysOf } from '../support/stored-footage.ts';
import { activitiesOf, certificateOf, dueMs, purge, purgeDeps, retiredCamera, t0, waitOf } from './purge-site.ts';
import { clocksAt } from '../db/fixtures.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

describe('a purge', () => {
  let objects: Objects;
  beforeAll(async () => {
    ({ objects } = await bucketOn('seaweedfs', 'plain', null));
  });
  afterAll(() => objects.close());

  test.each(['purge-marked', 'marked', 'removed', 'looked', 'forgotten', 'cleared', 'certified'])(
    'killed at "%s" it is done by the next round, with one certificate of all footage',
    async (at) => {
      const camera = await retiredCamera(database.pool, objects, 4);
      const failpoint = (name: string): void => {
        if (name === at) throw new Error(`killed at ${name}`);
      };
      await expect(purge(activitiesOf(database.pool, objects, { failpoint }), camera.id)).rejects.toThrow('killed');
      const failing = { waitsFor: 'error', reason: `killed at ${at}` };
      expect(await waitOf(database.pool, camera.id)).toMatchObject(at === 'certified' ? {} : failing);
      expect(await purge(activitiesOf(database.pool, objects), camera.id)).toEqual({ kind: 'done' });
      expect(await purge(activitiesOf(database.pool, objects), camera.id)).toEqual({ kind: 'done' });
      expect(await keysOf(objects, camera)).toEqual([]);
      const certificate = await certificateOf(database.pool, camera.id);
      const signed: unknown = JSON.parse(certificate.document);
      expect(problemsOf(signed)).toEqual([]);
      const lines = (await certifiedLines(database.pool, certificate.id)) ?? '';
      expect(lines.split('\n').length).toBe(5);
      expect(signed).toMatchObject({
        document: {
          footage: {
            segments: 4,
            durationMs: 240_000,
            firstAt: '2026-01-01T00:00:00.000Z',
            lastAt: '2026-01-01T00:04:00.000Z',
          },
          digest: { value: digestOf(lines) },
          purge: { graceEndedAt: '2026-04-11T00:00:00.000Z' },
        },
      });
      const { rows } = await database.pool.query(
        `select (select count(*)::int from segment where camera_id = $1) as segments,
           (select count(*)::int from deleted_segment where camera_id = $1) as noted, sealed_url, url_redacted, status
         from camera where id = $1`,
        [camera.internalId],
      );
      expect(rows).toEqual([{ segments: 0, noted: 0, sealed_url: '', url_redacted: '', status: 'purged' }]);
    },
  );

  test('a camera without footage goes at the first look, also before anything was ever stored', async () => {
    const empty = createObjects(await testS3());
    const camera = await retiredCamera(database.pool, empty, 0);
    expect(await purge(activitiesOf(database.pool, empty), camera.id)).toEqual({ kind: 'done' });
    expect(JSON.parse((await certificateOf(database.pool, camera.id)).document)).toMatchObject({
      document: { footage: { segments: 0 }, storage: { furtherObjects: 0 } },
    });
    empty.close();
  });

  test('deletes no faster than it may, and that its worker stops meanwhile is no failure', async () => {
    const camera = await retiredCamera(database.pool, objects, 4);
    await activitiesOf(database.pool, objects).startPurge(camera.id);
    const worker = new MockActivityEnvironment();
    const failpoint = (name: string): void => {
      if (name === 'forgotten') worker.cancel('WORKER_SHUTDOWN');
    };
    // Its 4 minutes would take 100 s.
    const deps = { ...purgeDeps(database.pool, objects), failpoint, maxSegmentsPerSecond: 0.04 };
    const stopped = worker.run((id: string) => createPurgeActivities(deps).deletePurgedFootage(id), camera.id);
    await expect(stopped).rejects.toThrow(CancelledFailure);
    expect(await waitOf(database.pool, camera.id)).toMatchObject({ waitsFor: 'work', reason: null });
    expect(await purge(activitiesOf(database.pool, objects), camera.id)).toEqual({ kind: 'done' });
    expect(restOfBatchMs(1000, 250, 800)).toBe(1000);
    expect(restOfBatchMs(1000, 2000, 800)).toBe(0);
  });

  test('that begins during a sweep has all of it in its certificate, also what the sweep deletes for it', async () => {
    const camera = await retiredCamera(database.pool, objects, 4);
    // So that its footage ages in grace, and two minutes of it are due.
    await database.pool.query(`update tenant set grace_archive = 'rolling'`);
    await database.pool.query(`update camera set retention_days = 100 where id = $1`, [camera.internalId]);
    const nowMs = dueMs + 120_000;
    const clocks = { now: () => nowMs, databaseNow: async () => nowMs };
    const activities = activitiesOf(database.pool, objects, clocks);
    let begun = 0;
    const failpoint = async (name: string): Promise<void> => {
      if (name !== 'sweep-marked' || begun > 0) return;
      begun += 1;
      expect(await activities.startPurge(camera.id)).toEqual({ kind: 'done' });
      expect(await markForPurge(database.pool, camera.internalId, 1000)).toBe(2);
    };
    const log = createLogger({ level: 'silent', name: 'test' });
    const deps = { db: database.pool, objects, log, ...clocks, failpoint };
    const shard = { atMs: nowMs, shard: 0, shards: 1 };
    const since = { ...nothingSwept, fromId: camera.internalId };
    expect(await sweepShard(deps, shard, since, () => undefined)).toMatchObject({ segments: 4 });
    expect(await purge(activities, camera.id)).toEqual({ kind: 'done' });
    const document = { kind: 'purge', footage: { segments: 4 } };
    expect(JSON.parse((await certificateOf(database.pool, camera.id)).document)).toMatchObject({ document });
    await database.pool.query(`update tenant set grace_archive = 'frozen'`);
  });

  test('once begun nothing is committed any more, whoever comes late', async () => {
    const camera = await retiredCamera(database.pool, objects, 1);
    const late = footageOf(camera, { startMs: t0 + 3_600_000 }).segment;
    await activitiesOf(database.pool, objects).startPurge(camera.id);
    expect(await insertSegment(database.pool, camera.internalId, late)).toBe(false);
    const slow = await transaction(database.pool, (tx) => commitSlow(tx, camera.internalId, late));
    expect(slow).toEqual({ free: [] });
    const taker = { hostId: '00000000-0000-4000-8000-000000000000', sessionId: null };
    await expect(takeEpoch(database.pool, camera.id, taker)).rejects.toThrow('no such camera');
    const reactivated = transaction(database.pool, (tx) =>
      changeIntent(tx, camera.id, 'reactivate', { clocks: clocksAt(t0 + 11 * dayMs), graceMs: 0 }),
    );
    await expect(reactivated).rejects.toThrow('grace period');
  });

  test('its begin is in the audit log once, and called again it goes on, whatever hold there is', async () => {
    const camera = await retiredCamera(database.pool, objects, 1);
    const activities = activitiesOf(database.pool, objects);
    expect(await activities.startPurge(camera.id)).toEqual({ kind: 'done' });
    await database.pool.query(
      `insert into hold (camera_id, start_at, end_at, reason, placed_by, placed_at)
       values ($1, $2, $3, 'case 17', 'account:admin', $2)`,
      [camera.internalId, new Date(t0), new Date(dueMs)],
    );
    expect(await activities.startPurge(camera.id)).toEqual({ kind: 'done' });
    expect((await cameraByPublicId(database.pool, camera.id))?.state).toBe('purging');
    const entries = await listAuditEntries(database.pool, { cameraId: camera.id, limit: 10 });
    expect(entries.map(({ body }) => JSON.parse(body) as unknown)).toMatchObject([
      {
        actor: 'service:purge',
        action: 'purge.begin',
        tenantId: camera.tenantId,
        after: { cause: 'grace-ended', requestedBy: null, graceEndedAt: '2026-04-11T00:00:00.000Z' },
      },
    ]);
  });

  test('a camera that is wanted again is not purged', async () => {
    const camera = await retiredCamera(database.pool, objects, 1);
    const times = { clocks: clocksAt(dueMs - 1), graceMs: 0 };
    await transaction(database.pool, (tx) => changeIntent(tx, camera.id, 'reactivate', times));
    expect(await activitiesOf(database.pool, objects).startPurge(camera.id)).toEqual({ kind: 'wanted' });
  });
});

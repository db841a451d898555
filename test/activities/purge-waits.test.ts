import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cameraByPublicId } from '../../db/cameras.ts';
import { beginCopies, copiesOf, endCopies } from '../../db/finish-copies.ts';
import { reserveKey } from '../../db/finish-swap.ts';
import { confirmSpoolEmpty, declareDestroyed } from '../../db/purge-spools.ts';
import { upsertRecorder } from '../../db/recorders.ts';
import { transaction } from '../../db/sql.ts';
import { longestJobMs } from '../../domain/finish-window.ts';
import { dayMs } from '../../domain/retention.ts';
import { footageOf, keysOf } from '../support/stored-footage.ts';
import {
  activitiesOf,
  certificateOf,
  createPurgeSite,
  dueMs,
  purge,
  retiredCamera,
  t0,
  type PurgeSite,
} from './purge-site.ts';

const yearMs = 365 * dayMs;

let site: PurgeSite;
beforeAll(async () => {
  site = await createPurgeSite();
});
afterAll(() => site.close());

test('what is waited for is looked at after 5 s, and then after an eighth of the time that passed', async () => {
  const hostId = '00000000-0000-4000-8000-000000000007';
  await upsertRecorder(site.database.pool, { hostId, url: 'http://127.0.0.1:1', slots: 1, used: 0, seenMs: t0 });
  const camera = await retiredCamera(site.database.pool, site.objects, 0);
  expect(await purge(activitiesOf(site.database.pool, site.objects), camera.id)).toMatchObject({
    kind: 'waits',
    againInMs: 5_000,
  });
  const later = (ms: number) =>
    activitiesOf(site.database.pool, site.objects, { now: () => dueMs + ms }).finishPurge(camera.id);
  expect(await later(30_000)).toMatchObject({ kind: 'waits', againInMs: 5_000 });
  expect(await later(160_000)).toMatchObject({ kind: 'waits', againInMs: 20_000 });
  expect(await later(30 * dayMs)).toMatchObject({ kind: 'waits', againInMs: 3_600_000 });
  for (const table of ['purge_spool', 'recorder']) {
    await site.database.pool.query(`delete from ${table} where host_id = $1`, [hostId]); // for the tests after this one
  }
});

test('what a finish job may still store is waited for, and goes too', async () => {
  const camera = await retiredCamera(site.database.pool, site.objects, 1);
  const { key, body, segment } = footageOf(camera, { startMs: t0 + 7_200_000 });
  await reserveKey(site.database.pool, camera.internalId, key, dueMs + 60_000);
  expect(await purge(activitiesOf(site.database.pool, site.objects), camera.id)).toMatchObject({
    kind: 'waits',
    againInMs: 60_000,
  });
  await site.objects.put(key, Readable.from([body]), body.length, segment.sha256);
  const fast = { now: () => dueMs + yearMs };
  expect(await purge(activitiesOf(site.database.pool, site.objects, fast), camera.id)).toMatchObject({
    kind: 'waits',
    againInMs: 60_000,
  });
  const later = { now: () => dueMs + 61_000, databaseNow: async () => dueMs + 61_000 };
  expect(await purge(activitiesOf(site.database.pool, site.objects, later), camera.id)).toEqual({ kind: 'done' });
  expect(await keysOf(site.objects, camera)).toEqual([]);
  expect(JSON.parse((await certificateOf(site.database.pool, camera.id)).document)).toMatchObject({
    document: { footage: { segments: 1 }, storage: { furtherObjects: 1 } },
  });
});

test('copies that finish jobs have are waited for, for as long as a job may last', async () => {
  const camera = await retiredCamera(site.database.pool, site.objects, 1);
  const activities = activitiesOf(site.database.pool, site.objects);
  const newTry = () => ({ id: randomUUID(), workerId: randomUUID(), host: 'enc-1', cameraId: camera.id });
  const tries = [newTry(), newTry()] as const;
  for (const one of tries) expect(await beginCopies(site.database.pool, one)).toBe(true);
  const waits = { kind: 'waits', againInMs: 5_000 };
  const two = { ...waits, reason: expect.stringContaining('2 finish jobs have copies') };
  expect(await purge(activities, camera.id)).toMatchObject(two);
  expect(await beginCopies(site.database.pool, newTry())).toBe(false);
  await endCopies(site.database.pool, [tries[0].id]);
  const one = { ...waits, reason: expect.stringContaining('A finish job has copies') };
  expect(await purge(activities, camera.id)).toMatchObject(one);
  const begun = (ms: number) => site.database.pool.query(`update finish_copy set begun_at = $1`, [new Date(ms)]);
  await begun(dueMs - longestJobMs + 1);
  expect(await purge(activities, camera.id)).toMatchObject(one);
  await begun(dueMs - longestJobMs);
  expect(await purge(activities, camera.id)).toEqual({ kind: 'done' });
  expect(await copiesOf(site.database.pool, camera.internalId, 0)).toBeNull();
  const lastBegunAt = new Date(dueMs - longestJobMs).toISOString();
  expect(JSON.parse((await certificateOf(site.database.pool, camera.id)).document)).toMatchObject({
    document: { purge: { copies: [{ host: 'enc-1', jobs: 1, lastBegunAt, state: 'not seen to be gone' }] } },
  });
});

test('every spool must be empty, or declared destroyed, which the certificate says', async () => {
  const hosts = ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002'] as const;
  for (const hostId of hosts) {
    await upsertRecorder(site.database.pool, { hostId, url: 'http://127.0.0.1:1', slots: 1, used: 0, seenMs: t0 });
  }
  const camera = await retiredCamera(site.database.pool, site.objects, 2);
  const activities = activitiesOf(site.database.pool, site.objects);
  expect(await purge(activities, camera.id)).toMatchObject({
    kind: 'waits',
    reason: expect.stringContaining(hosts[0]),
  });
  expect(await keysOf(site.objects, camera)).toEqual([]); // what can be deleted is deleted at once
  await confirmSpoolEmpty(site.database.pool, { cameraId: camera.id, hostId: hosts[0] }, dueMs);
  expect(await purge(activities, camera.id)).toMatchObject({
    kind: 'waits',
    reason: expect.stringContaining(hosts[1]),
  });
  const shown = await cameraByPublicId(site.database.pool, camera.id);
  expect(shown).toMatchObject({ state: 'purging', stateReason: expect.stringContaining(hosts[1]) });
  await transaction(site.database.pool, (tx) => declareDestroyed(tx, hosts[1], 'account:admin', dueMs));
  // It came back: its spool is there, whatever was said.
  const back = { hostId: hosts[1], url: 'http://127.0.0.1:1', slots: 1, used: 0 };
  await upsertRecorder(site.database.pool, { ...back, seenMs: dueMs + 1 });
  expect(await purge(activities, camera.id)).toMatchObject({ reason: expect.stringContaining(hosts[1]) });
  await upsertRecorder(site.database.pool, { ...back, seenMs: t0 });
  expect(await purge(activities, camera.id)).toEqual({ kind: 'done' });
  expect(JSON.parse((await certificateOf(site.database.pool, camera.id)).document)).toMatchObject({
    document: {
      purge: {
        spools: [
          { hostId: hosts[0], state: 'empty' },
          { hostId: hosts[1], state: 'destroyed', saidBy: 'account:admin' },
        ],
      },
    },
  });
  await site.database.pool.query(`update recorder set destroyed_at = now()`); // for the tests after this one
});

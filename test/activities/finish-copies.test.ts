import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FinishJobDeps } from '../../activities/finish-job.ts';
import { changeIntent } from '../../db/camera-changes.ts';
import { beginCopies, copiesOf, endCopiesOf, endOwnCopies } from '../../db/finish-copies.ts';
import type { FedWindow } from '../../db/finish-feed.ts';
import { beginPurge } from '../../db/purge.ts';
import { createPool, transaction } from '../../db/sql.ts';
import { EncodeError } from '../../media/encode-errors.ts';
import { recordMade } from '../media/footage.ts';
import { createFinishSite, t0, type FinishSite, type SiteCamera } from './finish-site.ts';
import { feedWindow, finishActivities, runFinishJob } from './run-finish-job.ts';
import { clocksAt } from '../db/fixtures.ts';

let site: FinishSite;
let footage: string[];

beforeAll(async () => {
  site = await createFinishSite();
  footage = await recordMade(site.dir, 'main', { seconds: 4, fps: 25, gop: 50 });
  await site.profile('small', { mode: 'encode', height: 90, fps: 5, bitrateKbps: 100 });
});
afterAll(() => site.close());

async function fedWindow(): Promise<{ camera: SiteCamera; window: FedWindow }> {
  const camera = await site.addCamera('small');
  await site.commit(camera, footage, { startMs: t0, windowMs: 4000 });
  const window = await feedWindow(site, camera, t0 + 3_600_000);
  if (window === undefined) throw new Error('not fed');
  return { camera, window };
}

const run = (window: FedWindow, changes?: Partial<FinishJobDeps>) =>
  runFinishJob(finishActivities(site, changes), window);

/** A try, on a worker of its own, that encodes until it is given up or `fail` is called. */
async function startTry(window: FedWindow, changes: Partial<FinishJobDeps> = {}) {
  let fail = (): void => undefined;
  let encodes = (): void => undefined;
  const encoding = new Promise<void>((resolve) => {
    encodes = resolve;
  });
  const told = run(window, {
    ...changes,
    encode: ({ signal }) =>
      new Promise((_, reject) => {
        fail = () => reject(new EncodeError('session-limit', 'no session is free'));
        signal?.addEventListener('abort', fail);
        encodes();
      }),
  });
  await Promise.race([encoding, told]);
  return { told, fail: () => fail() };
}

const copies = (camera: SiteCamera) => copiesOf(site.deps.db, camera.internalId, Date.now());

async function beginPurgeOf(camera: SiteCamera): Promise<void> {
  const nowMs = Date.now();
  await transaction(site.deps.db, async (tx) => {
    await changeIntent(tx, camera.id, 'retire', { clocks: clocksAt(nowMs - 1), graceMs: 0 });
    expect(await beginPurge(tx, camera.id, { nowMs })).toEqual({ kind: 'begun' });
  });
}

test('a job gives up and leaves no copy once its camera is being purged, and none begins after that', async () => {
  const { camera, window } = await fedWindow();
  const job = await startTry(window);
  await beginPurgeOf(camera);
  expect(await copies(camera)).toMatchObject({ jobs: 1 });
  expect(await job.told).toBeNull();
  expect(await copies(camera)).toBeNull();
  expect(readdirSync(site.deps.workDir)).toEqual([]);
  const encode = (): never => {
    throw new Error('it encodes');
  };
  expect(await run(window, { encode })).toBeNull();
  expect(await copies(camera)).toBeNull();
});

test('two tries of one job are waited for each by itself, whichever ends first and however', async () => {
  const { camera, window } = await fedWindow();
  const first = await startTry(window); // its worker was cut off, so that Temporal gives the job to another
  const second = await startTry(window);
  expect(await copies(camera)).toMatchObject({ jobs: 2 });
  first.fail();
  expect(await first.told).toMatchObject({ type: 'session-limit' });
  expect(await copies(camera)).toMatchObject({ jobs: 1 });
  expect(await run(window)).toBeNull(); // a third one finishes it
  expect(await copies(camera)).toMatchObject({ jobs: 1 });
  second.fail();
  expect(await second.told).toMatchObject({ type: 'session-limit' });
  expect(await copies(camera)).toBeNull();
});

test('a try that comes once the purge has begun leaves the note of one that cannot ask the catalogue', async () => {
  const { camera, window } = await fedWindow();
  const own = createPool(site.database.url, { max: 2, applicationName: 'test' });
  const cutOff = await startTry(window, { db: own });
  await own.end();
  await beginPurgeOf(camera);
  expect(await run(window)).toBeNull();
  expect(await copies(camera)).toMatchObject({ jobs: 1 });
  cutOff.fail();
  expect(await cutOff.told).toMatchObject({ type: 'session-limit' });
  expect(await copies(camera)).toMatchObject({ jobs: 1 });
});

test('copies of a killed worker are waited for until its folder was removed', async () => {
  const { db } = site.deps;
  const camera = await site.addCamera();
  const [killed, other] = [randomUUID(), randomUUID()];
  for (const workerId of [killed, other])
    await beginCopies(db, { id: randomUUID(), workerId, host: 'enc-1', cameraId: camera.id });
  await endCopiesOf(db, killed); // just begun: it lives after all
  expect(await copies(camera)).toMatchObject({ jobs: 2 });
  await db.query(`update finish_copy set begun_at = begun_at - interval '6 minutes'`);
  await endCopiesOf(db, '1234'); // a folder that an older version has left
  expect(await copies(camera)).toMatchObject({ jobs: 2 });
  await endCopiesOf(db, killed);
  expect(await copies(camera)).toMatchObject({ jobs: 1 });
  await endCopiesOf(db, other);
  expect(await copies(camera)).toBeNull();
  await beginCopies(db, { id: randomUUID(), workerId: killed, host: 'enc-1', cameraId: camera.id });
  await endOwnCopies(db, killed); // one that ends is in no doubt about its folder
  expect(await copies(camera)).toBeNull();
});

test('that copies are gone is noted with the next job that ends, where the catalogue was away before', async () => {
  const { camera, window } = await fedWindow();
  let encode: FinishJobDeps['encode'] = async () => {
    await site.deps.db.query('alter table finish_copy rename to finish_copy_away');
    throw new EncodeError('session-limit', 'no session is free');
  };
  const activities = finishActivities(site, { encode: (job, onStart) => encode(job, onStart) });
  expect(await runFinishJob(activities, window)).toMatchObject({ type: 'session-limit' });
  await site.deps.db.query('alter table finish_copy_away rename to finish_copy');
  expect(await copies(camera)).toMatchObject({ jobs: 1 });
  encode = site.deps.encode;
  expect(await runFinishJob(activities, window)).toBeNull();
  expect(await copies(camera)).toBeNull();
});

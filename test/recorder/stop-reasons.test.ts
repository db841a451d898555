import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setCameraState } from '../../db/cameras.ts';
import { openGapOf } from '../../db/gaps.ts';
import { markRecording, takeEpoch } from '../../db/leases.ts';
import type { Recorder } from '../../recorder/recorder.ts';
import { startCamera, type SimulatedCamera } from '../support/camera/start-camera.ts';
import { waitFor } from '../support/system.ts';
import { createTcpProxy } from '../support/tcp-proxy.ts';
import { createSite, type Site } from './host.ts';

let site: Site;
let camera: SimulatedCamera;
beforeAll(async () => {
  site = await createSite();
  camera = await startCamera();
});
afterAll(async () => {
  await site.close();
  await camera.close();
});

async function recordedOn(recorder: Recorder, cameraId: string): Promise<void> {
  const sinceMs = Date.now();
  await recorder.ensure(cameraId, null);
  await waitFor('footage', async () => (await site.segments(cameraId)).some((row) => row.endMs > sinceMs));
}

test.concurrent('a planned stop is marked in the journal until the cameras are recorded again, and no longer', async () => {
  const cameraId = await site.addCamera(camera.url());
  const marked = async (): Promise<boolean> => {
    const text = await readFile(path.join(site.dir, 'a', 'journal', `${cameraId}.json`), 'utf8');
    return (JSON.parse(text) as { stoppedAtMs: number | null }).stoppedAtMs !== null;
  };
  const first = await site.start('a');
  await recordedOn(first, cameraId);
  expect(await marked()).toBe(false);
  await first.stop();
  expect(await marked()).toBe(true);
  // A crash from here on is a crash, however soon after the planned stop.
  const second = await site.start('a');
  await waitFor('recording', async () => second.get(cameraId)?.progress().state === 'recording');
  expect(await marked()).toBe(false);
  await second.get(cameraId)?.stop('unwanted');
});

test.concurrent.each([
  { what: 'that drains', drains: true, reason: 'deploy' },
  { what: 'that is lost', drains: false, reason: 'host-lost' },
])('what is missing after the footage of a host $what reads $reason', async ({ what, drains, reason }) => {
  const cameraId = await site.addCamera(camera.url());
  const old = await site.start(`old ${what}`.replaceAll(' ', '-'));
  await recordedOn(old, cameraId);
  await waitFor('its sign of life', async () => {
    const { rowCount } = await site.database.pool.query(`select from recorder where host_id = $1`, [old.hostId]);
    return rowCount === 1;
  });
  if (drains) await old.drain();
  await old.get(cameraId)?.stop('superseded'); // and says nothing of why
  await sleep(1500); // more than the tolerance is missing
  const next = await site.start(`next-${reason}`);
  await recordedOn(next, cameraId);
  const [first] = await site.segments(cameraId);
  const reasons = async () =>
    (await site.gaps(cameraId)).filter(({ startMs }) => startMs > (first?.startMs ?? 0)).map((gap) => gap.reason);
  // Said after the commit that found the hole.
  await waitFor('an explanation', async () => !(await reasons()).includes('unknown'));
  expect(await reasons()).toEqual([reason]);
  await next.get(cameraId)?.stop('unwanted');
});

test.concurrent('what a host that was cut off says late of its camera is nothing, once another one records it', async () => {
  const { pool, url } = site.database;
  const own = await startCamera();
  const proxy = await createTcpProxy(Number(new URL(url).port));
  try {
    const cameraId = await site.addCamera(own.url());
    const host = await site.start('cut-off', { databaseUrl: url.replace(/:\d+\//, `:${proxy.port}/`) });
    await recordedOn(host, cameraId);
    await waitFor('its claim ended', async () => (await openGapOf(pool, cameraId)) === null);
    proxy.cut();
    own.refuse();
    own.dropAll('rst');
    // The gap and the state, both with nobody to tell them to.
    await waitFor('a failure to tell of', async () => host.stats().pendingWrites >= 2);
    const epoch = await takeEpoch(pool, cameraId, { hostId: '00000000-0000-4000-8000-00000000000b', sessionId: null });
    await markRecording(pool, cameraId, epoch, { frameMs: Date.now(), keySha256: null });
    await setCameraState(pool, cameraId, 'recording', null, Date.now(), epoch);
    proxy.restore();
    await waitFor('it gives way', async () => host.get(cameraId) === undefined && host.stats().pendingWrites === 0);
    expect(await openGapOf(pool, cameraId)).toBeNull();
    expect(await site.state(cameraId)).toEqual({ status: 'recording', status_reason: null });
  } finally {
    await proxy.close();
    await own.close();
  }
});

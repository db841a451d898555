import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, type TestContext } from 'vitest';
import { recorders } from '../../db/recorders.ts';
import { spoolHostId } from '../../storage/spool.ts';
import { createSite, environmentOf, type Site } from '../recorder/host.ts';
import { startProcess } from '../recorder/start-process.ts';
import { startCamera, type SimulatedCamera } from '../support/camera/start-camera.ts';
import { sourceMaps } from '../support/framekeep.ts';
import { waitFor } from '../support/system.ts';

let site: Site;
beforeAll(async () => {
  site = await createSite();
});
afterAll(() => site?.close());

/** Each test has its own, for they run side by side. */
type OnFinished = TestContext['onTestFinished'];

async function openCamera(onFinished: OnFinished): Promise<SimulatedCamera> {
  const camera = await startCamera();
  onFinished(() => camera.close());
  return camera;
}

/** Files below a folder that are not folders themselves. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
}

test.concurrent('a spool whose disk is gone: nothing is written in its place, and recording returns with it', async ({
  onTestFinished,
}) => {
  const camera = await openCamera(onTestFinished);
  const recorder = await site.start('a');
  const cameraId = await site.addCamera(camera.url());
  await recorder.ensure(cameraId, null);
  await waitFor('segments', async () => (await site.segments(cameraId)).length >= 2);

  // What an unmounted disk leaves: the empty folder that it was mounted on.
  const spool = path.join(site.dir, 'a');
  const disk = path.join(site.dir, 'disk');
  await rename(spool, disk);
  await mkdir(spool);
  await waitFor('refused', async () => (await site.state(cameraId)).status_reason === 'storage-down');
  const lastGap = async () => (await site.gaps(cameraId)).at(-1);
  await waitFor('it says why', async () => /has lost its marker/.test((await lastGap())?.evidence.lastError ?? ''));
  expect(await lastGap()).toMatchObject({ reason: 'storage-down', endMs: null });
  const tries = (await lastGap())?.evidence.attempts ?? 0;
  const accepted = camera.accepted();
  await waitFor('more tries', async () => ((await lastGap())?.evidence.attempts ?? 0) > tries + 2);
  expect(camera.accepted()).toBe(accepted); // the camera is not asked for what could not be kept
  expect(await filesBelow(spool)).toEqual([]);

  await rm(spool, { recursive: true });
  await rename(disk, spool);
  const backMs = Date.now();
  await waitFor('footage', async () => (await site.segments(cameraId)).some((row) => row.startMs > backMs));
  expect((await site.gaps(cameraId)).map(({ reason }) => reason)).toEqual(['operator', 'storage-down']);
  const rows = await site.segments(cameraId);
  rows.slice(1).forEach((row, i) => expect(row.startMs).toBeGreaterThanOrEqual(rows[i]?.endMs ?? 0));
});

/** The real worker process with the role recorder; Temporal is away, so it records what its journal says. */
function startWorkers(name: string, logPath: string, onFinished: OnFinished): { stop: () => Promise<unknown> } {
  const program = new URL('../../dist/workers.js', import.meta.url).pathname;
  const child = spawn(process.execPath, [...sourceMaps, program], {
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      ...environmentOf({ ...site, name, databaseUrl: site.database.url }),
      FRAMEKEEP_TEMPORAL_ADDRESS: '127.0.0.1:1',
      FRAMEKEEP_ROLES: 'recorder',
    },
    stdio: ['ignore', openSync(logPath, 'w'), 'inherit'],
  });
  const exited = once(child, 'exit');
  onFinished(() => void child.kill('SIGKILL'));
  return {
    stop() {
      child.kill('SIGINT');
      return exited;
    },
  };
}

test.concurrent('a process that starts without the disk of its spool: it makes no new one, and records once the disk is there', async ({
  onTestFinished,
}) => {
  const camera = await openCamera(onTestFinished);
  const cameraId = await site.addCamera(camera.url());
  const before = startProcess(site, 'b', { cameraIds: [cameraId] });
  onTestFinished(() => void before.child.kill('SIGKILL'));
  await waitFor('segments', async () => (await site.segments(cameraId)).length >= 2);
  before.child.kill('SIGKILL');
  await before.exited;

  const spool = path.join(site.dir, 'b');
  const hostIdOfB = await spoolHostId(spool);
  const disk = path.join(site.dir, 'disk-of-b');
  await rename(spool, disk);
  await mkdir(spool);
  const logPath = path.join(site.dir, 'workers.log');
  const workers = startWorkers('b', logPath, onTestFinished);
  await waitFor('it says what is missing', async () => {
    const log = await readFile(logPath, 'utf8');
    return log.includes(`The spool ${spool}, which this host has recorded into, is not there: mount its disk`);
  });
  // Its other roles would run by now.
  await waitFor('started', async () => (await readFile(logPath, 'utf8')).includes('workers started'));
  expect(await readdir(spool)).toEqual([]);
  const waitsOfB = async () => (await recorders(site.database.pool)).find(({ hostId }) => hostId === hostIdOfB)?.waits;
  await waitFor('the catalogue knows', async () => (await waitsOfB())?.for.startsWith(`The spool ${spool}`));

  const rowsBefore = await site.segments(cameraId);
  await rm(spool, { recursive: true });
  await rename(disk, spool);
  const backMs = Date.now();
  await waitFor('footage', async () => (await site.segments(cameraId)).some((row) => row.startMs > backMs));
  await waitFor('the catalogue knows', async () => (await waitsOfB()) === null);
  await workers.stop();
  const rows = await site.segments(cameraId);
  expect(rows.slice(0, rowsBefore.length)).toEqual(rowsBefore);
  rows.slice(1).forEach((row, i) => expect(row.startMs).toBeGreaterThanOrEqual(rows[i]?.endMs ?? 0));
  expect((await site.gaps(cameraId)).map(({ reason }) => reason)).toContain('host-lost');
});

import type { ChildProcess } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, type TestContext } from 'vitest';
import { startCamera, type SimulatedCamera } from '../support/camera/start-camera.ts';
import { followFrames, readFrameCounters } from '../support/frame-counter.ts';
import { waitFor } from '../support/system.ts';
import { createCutOff } from './cut-off.ts';
import { createSite, type Site } from './host.ts';
import { startProcess } from './start-process.ts';

interface Stage {
  site: Site;
  camera: SimulatedCamera;
  /** Killed when the test is over. */
  children: Set<ChildProcess>;
}

/** Each test has its own, for most of them run side by side. */
async function openStage(onFinished: TestContext['onTestFinished']): Promise<Stage> {
  const site = await createSite();
  onFinished(() => site.close());
  const camera = await startCamera();
  onFinished(() => camera.close());
  const children = new Set<ChildProcess>();
  onFinished(() => {
    for (const child of children) child.kill('SIGKILL');
  });
  return { site, camera, children };
}

/** Holes of half a second are no gaps, and a quick restart leaves no more where the machine does nothing else. */
const awayMs = 1500;

async function noOverlap(site: Site, cameraId: string): Promise<void> {
  const rows = await site.segments(cameraId);
  rows.slice(1).forEach((row, i) => expect(row.startMs).toBeGreaterThanOrEqual(rows[i]?.endMs ?? 0));
}

test.concurrent('kill -9: the restarted process salvages, resumes by itself and explains what is missing', async ({
  onTestFinished,
}) => {
  const { site, camera, children } = await openStage(onTestFinished);
  const cameraId = await site.addCamera(camera.url());
  const { child, exited } = startProcess(site, 'a', { cameraIds: [cameraId] });
  children.add(child);
  await waitFor('segments', async () => (await site.segments(cameraId)).length >= 2);
  await sleep(900);
  child.kill('SIGKILL');
  const killedMs = Date.now();
  await exited;
  await sleep(awayMs);

  const recorder = await site.start('a');
  await waitFor('resumed', async () => recorder.get(cameraId)?.progress().state === 'recording');
  await waitFor('new footage', async () => (await site.segments(cameraId)).some((row) => row.startMs > killedMs));
  await recorder.get(cameraId)?.stop('unwanted');
  await waitFor('all committed', async () => recorder.stats().backlog.files + recorder.stats().pendingWrites === 0);

  await noOverlap(site, cameraId);
  const rows = await site.segments(cameraId);
  const salvagedEndMs = Math.max(...rows.filter((row) => row.startMs < killedMs).map((row) => row.endMs));
  expect(killedMs - salvagedEndMs).toBeLessThan(1500);
  const gaps = (await site.gaps(cameraId)).filter((gap) => gap.startMs >= salvagedEndMs - 1);
  expect(gaps).toMatchObject([{ reason: 'host-lost', startMs: salvagedEndMs }]);
  const files = await site.download(cameraId);
  const before = files.slice(0, rows.filter((row) => row.startMs < killedMs).length);
  const report = followFrames(await readFrameCounters(before), camera.loop().frames);
  expect(report).toMatchObject({ missing: [], duplicated: [], reordered: [] });
});

test.concurrent('killed while the catalogue is away: what the camera did before that is explained as its own doing', async ({
  onTestFinished,
}) => {
  const { site, camera, children } = await openStage(onTestFinished);
  const cutOff = await createCutOff(Number(new URL(site.database.url).port));
  const settings = { FRAMEKEEP_DATABASE_URL: site.database.url.replace(/:\d+\//, `:${cutOff.port}/`) };
  const cameraId = await site.addCamera(camera.url());
  const { child, exited } = startProcess(site, 'a', { cameraIds: [cameraId], settings });
  children.add(child);
  await waitFor('a segment', async () => (await site.segments(cameraId)).length >= 1);
  cutOff.cut();
  camera.dropAll('eof');
  // Saved once it records again; before the kill it must have closed a file, for the hole to be in its backlog.
  const spoolDir = path.join(site.dir, 'a');
  await waitFor('it is noted', async () => (await readdir(path.join(spoolDir, 'claims'))).length === 1);
  const notedMs = Date.now();
  await waitFor('a file since', async () =>
    (await readdir(path.join(spoolDir, 'closed', cameraId))).some((name) => Number.parseInt(name, 10) > notedMs),
  );
  child.kill('SIGKILL');
  const killedMs = Date.now();
  await exited;
  await cutOff.close();
  await sleep(awayMs);

  const recorder = await site.start('a');
  await waitFor('new footage', async () => (await site.segments(cameraId)).some((row) => row.startMs > killedMs));
  await recorder.get(cameraId)?.stop('unwanted');
  await waitFor('all committed', async () => recorder.stats().backlog.files + recorder.stats().pendingWrites === 0);
  expect((await site.gaps(cameraId)).map(({ reason }) => reason)).toEqual(['operator', 'closed', 'host-lost']);
  await waitFor('nothing is noted any more', async () => (await readdir(path.join(spoolDir, 'claims'))).length === 0);
});

test.concurrent('what the catalogue wants is done within seconds: unwanted, another URL', async ({
  onTestFinished,
}) => {
  const { site, camera } = await openStage(onTestFinished);
  const other = await startCamera({ streams: { '/other': { codec: 'hevc' } } });
  const recorder = await site.start('a');
  const cameraId = await site.addCamera(camera.url());
  const first = await recorder.ensure(cameraId, null);
  await waitFor('a segment', async () => (await site.segments(cameraId)).length >= 1);
  const { createSealer, cameraUrlAad } = await import('../../security/seal.ts');
  const sealed = createSealer(site.secretKey).seal(other.url(), cameraUrlAad(cameraId));
  await site.database.pool.query(
    `update camera set sealed_url = $2, config_version = config_version + 1 where public_id = $1`,
    [cameraId, sealed],
  );
  expect(await first.ended).toBe('reconfigure');
  await waitFor('HEVC', async () => (await site.segments(cameraId)).some((row) => row.codecTag.startsWith('hvc1')));
  const second = recorder.get(cameraId);
  expect(second?.epoch).toBe(first.epoch + 1);
  await site.database.pool.query(
    `update camera_lease set wanted = false where camera_id = (select id from camera where public_id = $1)`,
    [cameraId],
  );
  expect(await second?.ended).toBe('unwanted');
  expect(recorder.list()).toEqual([]);
  await other.close();
});

// Alone: six processes and as many recorders are enough at once.
test('killed between any two steps of a commit: nothing is lost, double or overlapping', async ({ onTestFinished }) => {
  const { site, camera, children } = await openStage(onTestFinished);
  await Promise.all(
    ['placed', 'closed', 'hashed', 'stored', 'inserted', 'lingering'].map(async (step) => {
      const cameraId = await site.addCamera(camera.url());
      const { child, exited } = startProcess(site, step, { cameraIds: [cameraId], killAt: `${step}:2` });
      children.add(child);
      await exited;
      const killedMs = Date.now();
      const recorder = await site.start(step);
      await waitFor(`${step}: new footage`, async () =>
        (await site.segments(cameraId)).some((row) => row.startMs > killedMs),
      );
      await recorder.get(cameraId)?.stop('unwanted');
      await waitFor(`${step}: commits`, async () => {
        const { backlog, pendingWrites } = recorder.stats();
        return backlog.files + pendingWrites === 0;
      });
      await noOverlap(site, cameraId);
      const rows = (await site.segments(cameraId)).filter((row) => row.startMs < killedMs);
      rows.slice(1).forEach((row, i) => expect(row.startMs, step).toBe(rows[i]?.endMs));
      const files = (await site.download(cameraId)).slice(0, rows.length);
      const report = followFrames(await readFrameCounters(files), camera.loop().frames);
      expect(report, step).toMatchObject({ missing: [], duplicated: [], reordered: [] });
    }),
  );
}, 120_000);

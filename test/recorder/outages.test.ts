import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startCamera, type SimulatedCamera } from '../support/camera/start-camera.ts';
import { followFrames, readFrameCounters } from '../support/frame-counter.ts';
import { waitFor } from '../support/system.ts';
import { createCutOff, type CutOff } from './cut-off.ts';
import { createSite, type Row, type Site } from './host.ts';

let site: Site;
let camera: SimulatedCamera;
let cutOff: CutOff | undefined;
beforeEach(async () => {
  site = await createSite();
  camera = await startCamera();
});
afterEach(async () => {
  await site.close();
  await camera.close();
  await cutOff?.close();
});

/** Ms between one file and the next; nothing overlaps. */
function holes(rows: Row[]): number[] {
  return rows.slice(1).map((row, i) => row.startMs - (rows[i]?.endMs ?? 0));
}

async function missingFrames(cameraId: string): Promise<number[]> {
  const counters = await readFrameCounters(await site.download(cameraId));
  const report = followFrames(counters, camera.loop().frames);
  expect(report.duplicated).toEqual([]);
  expect(report.reordered).toEqual([]);
  return report.missing;
}

test('object storage away: recording goes on, everything is committed afterwards', async () => {
  cutOff = await createCutOff(Number(new URL(site.s3.endpoint).port));
  const recorder = await site.start('a', { endpoint: `http://127.0.0.1:${cutOff.port}` });
  const cameraId = await site.addCamera(camera.url());
  const recording = await recorder.ensure(cameraId, null);
  await waitFor('a segment', async () => (await site.segments(cameraId)).length >= 1);
  cutOff.cut();
  await waitFor('a backlog', async () => recorder.stats().backlog.files >= 3);
  expect(recorder.stats().backlog.bytes).toBeGreaterThan(0);
  expect(recording.progress().state).toBe('recording');
  await cutOff.restore();
  await waitFor('no backlog', async () => recorder.stats().backlog.files === 0);
  await recording.stop('unwanted');
  await waitFor('the last one', async () => recorder.stats().backlog.files === 0);
  expect(holes(await site.segments(cameraId)).every((ms) => ms === 0)).toBe(true);
  expect(await missingFrames(cameraId)).toEqual([]);
});

test('Postgres away: recording goes on, a restart resumes from the journal, all is committed afterwards', async () => {
  cutOff = await createCutOff(Number(new URL(site.database.url).port));
  const databaseUrl = site.database.url.replace(/:\d+\//, `:${cutOff.port}/`);
  const first = await site.start('a', { databaseUrl });
  const cameraId = await site.addCamera(camera.url());
  const recording = await first.ensure(cameraId, null);
  await waitFor('a segment', async () => (await site.segments(cameraId)).length >= 1);
  cutOff.cut();
  await waitFor('a backlog', async () => first.stats().backlog.files >= 2);
  expect(recording.progress().state).toBe('recording');
  camera.dropAll('eof');
  await waitFor(
    'recording again',
    async () => recording.progress().state === 'recording' && camera.connections().length > 0,
  );
  await recording.stop('stopped');

  const second = await site.start('a', { databaseUrl });
  expect(second.hostId).toBe(first.hostId);
  await waitFor('resumed', async () => second.get(cameraId)?.progress().state === 'recording');
  expect(second.get(cameraId)?.epoch).toBe(recording.epoch);
  await cutOff.restore();
  const resumedMs = Date.now();
  await waitFor('new footage', async () => (await site.segments(cameraId)).some((row) => row.startMs > resumedMs));
  await second.get(cameraId)?.stop('unwanted');
  await waitFor('all committed', async () => second.stats().backlog.files + second.stats().pendingWrites === 0);
  const gaps = await site.gaps(cameraId);
  expect(gaps.map((gap) => gap.reason)).toContain('closed');
  expect(gaps.map((gap) => gap.reason)).toContain('deploy');
  expect(gaps.every((gap) => gap.endMs !== null)).toBe(true);
  expect(holes(await site.segments(cameraId)).every((ms) => ms >= 0)).toBe(true);
});

test('any step of a commit may fail once: nothing is lost, double or left over', async () => {
  const failed = new Set<string>();
  let files = 0;
  const recorder = await site.start('a', {
    failpoint(name) {
      if (name === 'hashed') files += 1;
      const step = `${name} ${Math.floor(files / 2)}`;
      if (['placed', 'closed', 'run-closed'].includes(name) || failed.has(step)) return;
      failed.add(step);
      throw new Error(`failed at ${step}`);
    },
  });
  const cameraId = await site.addCamera(camera.url());
  const recording = await recorder.ensure(cameraId, null);
  await waitFor('segments', async () => (await site.segments(cameraId)).length >= 3);
  await recording.stop('unwanted');
  await waitFor('no backlog', async () => recorder.stats().backlog.files === 0);
  expect([...failed].map((step) => step.split(' ')[0])).toEqual(
    expect.arrayContaining(['hashed', 'stored', 'inserted', 'lingering']),
  );
  const rows = await site.segments(cameraId);
  expect(holes(rows).every((ms) => ms === 0)).toBe(true);
  expect(await missingFrames(cameraId)).toEqual([]);
  expect(await readdir(path.join(site.dir, 'a', 'closed', cameraId))).toEqual([]);
  const lingering = await readdir(path.join(site.dir, 'a', 'linger', cameraId));
  expect(lingering.length).toBe(rows.length);
});

test('a lost object is stored again before its file goes', async () => {
  const deps = site.deps('a');
  const config = { ...deps.config, spool: { ...deps.config.spool, lingerSeconds: 1 } };
  const recorder = await site.start('a', { config });
  const cameraId = await site.addCamera(camera.url());
  const recording = await recorder.ensure(cameraId, null);
  await waitFor('segments', async () => (await site.segments(cameraId)).length >= 2);
  await recording.stop('unwanted');
  await waitFor('no backlog', async () => recorder.stats().backlog.files === 0);
  const rows = await site.segments(cameraId);
  await site.objects.remove(rows.map((row) => row.key).slice(0, 1));
  await waitFor('an empty linger folder', async () => {
    const left = await readdir(path.join(site.dir, 'a', 'linger', cameraId));
    return left.length === 0;
  });
  for (const row of rows) expect((await site.objects.stat(row.key))?.bytes).toBe(row.bytes);
});

test('garbage in the spool is put into quarantine, and its time is explained', async () => {
  const recorder = await site.start('a');
  const cameraId = await site.addCamera(camera.url());
  const recording = await recorder.ensure(cameraId, null);
  await waitFor('a segment', async () => (await site.segments(cameraId)).length >= 1);
  await recording.stop('stopped');
  await recorder.stop();
  const { writeFile } = await import('node:fs/promises');
  const startMs = Date.now() - 100;
  await writeFile(path.join(site.dir, 'a', 'closed', cameraId, `${startMs}-5000-1-next.mp4`), Buffer.alloc(20_000, 7));
  const second = await site.start('a');
  await waitFor('quarantine', async () => second.stats().commits.quarantined === 1);
  const kept = await readdir(path.join(site.dir, 'a', 'quarantine', cameraId));
  expect(kept.length).toBe(2);
  await waitFor('no writes', async () => second.stats().pendingWrites === 0);
  await rm(path.join(site.dir, 'a', 'quarantine'), { recursive: true });
});

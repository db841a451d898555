import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { followFrames, readFrameCounters } from '../support/frame-counter.ts';
import { waitFor } from '../support/system.ts';
import { createTcpProxy } from '../support/tcp-proxy.ts';
import { createCutOff } from './cut-off.ts';
import type { Row } from './host.ts';
import { onStage, type Stage } from './stage.ts';

/** Ms between one file and the next; nothing overlaps. */
function holes(rows: Row[]): number[] {
  return rows.slice(1).map((row, i) => row.startMs - (rows[i]?.endMs ?? 0));
}

async function missingFrames({ site, camera }: Pick<Stage, 'site' | 'camera'>, cameraId: string): Promise<number[]> {
  const counters = await readFrameCounters(await site.download(cameraId));
  const report = followFrames(counters, camera.loop().frames);
  expect(report.duplicated).toEqual([]);
  expect(report.reordered).toEqual([]);
  return report.missing;
}

test.concurrent(
  'object storage away: recording goes on, everything is committed afterwards',
  onStage(async ({ site, camera }) => {
    const cutOff = await createCutOff(Number(new URL(site.s3.endpoint).port));
    const recorder = await site.start('a', { endpoint: `http://127.0.0.1:${cutOff.port}` });
    const cameraId = await site.addCamera(camera.url());
    const recording = await recorder.ensure(cameraId, null);
    await waitFor('a segment', async () => (await site.segments(cameraId)).length >= 1);
    cutOff.cut();
    await waitFor('a backlog', async () => recorder.stats().backlog.files >= 3);
    expect(recorder.stats().backlog.bytes).toBeGreaterThan(0);
    expect(recorder.stats().commitError?.text).toMatch(/ECONN/);
    expect(recording.progress().state).toBe('recording');
    await cutOff.restore();
    await waitFor('no backlog', async () => recorder.stats().backlog.files === 0);
    await recording.stop('unwanted');
    await waitFor('the last one', async () => recorder.stats().backlog.files === 0);
    expect(recorder.stats().commitError).toBeNull();
    expect(holes(await site.segments(cameraId)).every((ms) => ms === 0)).toBe(true);
    expect(await missingFrames({ site, camera }, cameraId)).toEqual([]);
  }),
  150_000,
);

test.concurrent(
  'Postgres away: recording goes on, also over a restart, and all is committed and explained afterwards',
  onStage(async ({ site, camera }) => {
    const cutOff = await createCutOff(Number(new URL(site.database.url).port));
    const databaseUrl = site.database.url.replace(/:\d+\//, `:${cutOff.port}/`);
    const first = await site.start('a', { databaseUrl });
    const cameraId = await site.addCamera(camera.url());
    const recording = await first.ensure(cameraId, null);
    await waitFor('a segment', async () => (await site.segments(cameraId)).length >= 1);

    cutOff.cut();
    await waitFor('a backlog', async () => first.stats().backlog.files >= 2);
    expect(recording.progress().state).toBe('recording');
    const connected = camera.accepted();
    camera.dropAll('eof');
    await waitFor('a new connection', async () => camera.accepted() > connected);
    await waitFor('recording again', async () => recording.progress().state === 'recording');
    await cutOff.restore();
    await waitFor('all written', async () => first.stats().backlog.files <= 1 && first.stats().pendingWrites === 0);
    expect((await site.gaps(cameraId)).at(-1)?.reason).toBe('closed');

    cutOff.cut();
    await recording.stop('stopped');
    await sleep(1500); // more than the tolerance is missing
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
    expect(gaps.map((gap) => gap.reason)).toEqual(['operator', 'closed', 'deploy']);
    expect(gaps.every((gap) => gap.endMs !== null)).toBe(true);
    expect(holes(await site.segments(cameraId)).every((ms) => ms >= 0)).toBe(true);
  }),
  150_000,
);

test.concurrent(
  'Postgres hangs while the recorder stops: what it closed is counted, and committed once Postgres goes on',
  onStage(async (stage) => {
    const { site, camera } = stage;
    const proxy = await createTcpProxy(Number(new URL(site.database.url).port));
    const recorder = await site.start('a', { databaseUrl: site.database.url.replace(/:\d+\//, `:${proxy.port}/`) });
    const cameraId = await site.addCamera(camera.url());
    const recording = await recorder.ensure(cameraId, null);
    await waitFor('a segment', async () => (await site.segments(cameraId)).length >= 1);
    proxy.hold();
    await waitFor('files that nobody can say of whether they are held', async () => {
      const { files, bytes } = recorder.stats().backlog;
      return files >= 2 && bytes > 0;
    });
    const stopped = recorder.stop();
    await recording.ended;
    expect(recorder.stats().backlog.files).toBeGreaterThanOrEqual(2);
    proxy.restore();
    await stopped;
    await proxy.close();
    expect(await readdir(path.join(site.dir, 'a', 'closed', cameraId))).toEqual([]);
    expect(holes(await site.segments(cameraId)).every((ms) => ms === 0)).toBe(true);
    expect(await missingFrames(stage, cameraId)).toEqual([]);
  }),
  150_000,
);

test.concurrent(
  'any step of a commit may fail once: nothing is lost, double or left over',
  onStage(async ({ site, camera }) => {
    const failed = new Set<string>();
    const recorder = await site.start('a', {
      failpoint(name) {
        if (!['hashed', 'stored', 'inserted', 'lingering'].includes(name) || failed.has(name)) return;
        failed.add(name);
        throw new Error(`failed at ${name}`);
      },
    });
    const cameraId = await site.addCamera(camera.url());
    const recording = await recorder.ensure(cameraId, null);
    await waitFor('segments', async () => (await site.segments(cameraId)).length >= 3);
    await recording.stop('unwanted');
    await waitFor('no backlog', async () => recorder.stats().backlog.files === 0);
    expect([...failed].toSorted()).toEqual(['hashed', 'inserted', 'lingering', 'stored']);
    const rows = await site.segments(cameraId);
    expect(holes(rows).every((ms) => ms === 0)).toBe(true);
    expect(await missingFrames({ site, camera }, cameraId)).toEqual([]);
    expect(await readdir(path.join(site.dir, 'a', 'closed', cameraId))).toEqual([]);
    const lingering = await readdir(path.join(site.dir, 'a', 'linger', cameraId));
    expect(lingering.length).toBe(rows.length);
  }),
  150_000,
);

test.concurrent(
  'a lost object is stored again before its file goes',
  onStage(async ({ site, camera }) => {
    const deps = site.deps('a');
    const config = { ...deps.config, spool: { ...deps.config.spool, lingerSeconds: 8 } };
    const recorder = await site.start('a', { config });
    const cameraId = await site.addCamera(camera.url());
    const recording = await recorder.ensure(cameraId, null);
    await waitFor('segments', async () => (await site.segments(cameraId)).length >= 2);
    await recording.stop('unwanted');
    await waitFor('no backlog', async () => recorder.stats().backlog.files === 0);
    const rows = await site.segments(cameraId);
    await site.objects.remove(rows.map((row) => row.key).slice(-1));
    await waitFor('an empty linger folder', async () => {
      const left = await readdir(path.join(site.dir, 'a', 'linger', cameraId));
      return left.length === 0;
    });
    for (const row of rows) expect((await site.objects.stat(row.key))?.bytes).toBe(row.bytes);
  }),
  150_000,
);

test.concurrent(
  'garbage in the spool is put into quarantine, and its time is explained',
  onStage(async ({ site, camera }) => {
    const recorder = await site.start('a');
    const cameraId = await site.addCamera(camera.url());
    const recording = await recorder.ensure(cameraId, null);
    await waitFor('a segment', async () => (await site.segments(cameraId)).length >= 1);
    await recording.stop('stopped');
    await recorder.stop();
    const startMs = Date.now() - 100;
    await writeFile(
      path.join(site.dir, 'a', 'closed', cameraId, `${startMs}-5000-1-next.mp4`),
      Buffer.alloc(20_000, 7),
    );
    const second = await site.start('a');
    await waitFor('quarantine', async () => second.stats().commits.quarantined === 1);
    const kept = await readdir(path.join(site.dir, 'a', 'quarantine', cameraId));
    expect(kept.length).toBe(2);
    await waitFor('no writes', async () => second.stats().pendingWrites === 0);
  }),
  150_000,
);

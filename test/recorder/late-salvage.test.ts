import { mkdir, readdir, rename, rmdir, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Gap } from '../../domain/gaps.ts';
import { backlogOf } from '../../recorder/backlog.ts';
import { createLateSalvage } from '../../recorder/late-salvage.ts';
import { openSpool } from '../../storage/spool.ts';
import { startCamera, type SimulatedCamera } from '../support/camera/start-camera.ts';
import { followFrames, readFrameCounters } from '../support/frame-counter.ts';
import { waitFor } from '../support/system.ts';
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

test.concurrent('files that could not be closed for a passing cause are closed and committed without a restart', async () => {
  const failed = new Set<string>();
  let filesLeft = 0;
  let closedUntilMs = Infinity;
  const recorder = await site.start('a', {
    failpoint(name) {
      // A file of the first run, and the first try to salvage what is left of it.
      if (!['placed', 'salvage'].includes(name) || failed.has(name)) return;
      if (recorder.stats().commits.committed === 0) return;
      if (name === 'placed') closedUntilMs = recorder.list()[0]?.progress().lastSegmentEndMs ?? Infinity;
      if (name === 'salvage') filesLeft = recorder.stats().backlog.files;
      failed.add(name);
      throw new Error('ENOSPC: no space left on device');
    },
  });
  const cameraId = await site.addCamera(camera.url());
  const recording = await recorder.ensure(cameraId, null);
  await waitFor('both failures', async () => failed.size === 2);
  expect(filesLeft).toBeGreaterThan(0);
  await waitFor('a new run', async () => (await site.segments(cameraId)).filter((row) => row.anchor).length === 2);
  const secondRunMs = (await site.segments(cameraId)).find((row, i) => i > 0 && row.anchor)?.startMs ?? 0;
  const rowsOfFirst = async () => (await site.segments(cameraId)).filter((row) => row.startMs < secondRunMs);
  await waitFor('only its own folder', async () => (await openRuns(cameraId)).length === 1);
  await waitFor('what failed', async () => (await rowsOfFirst()).some((row) => row.startMs === closedUntilMs));
  await recording.stop('unwanted');
  await waitFor('no backlog', async () => recorder.stats().backlog.files + recorder.stats().pendingWrites === 0);

  const rows = await rowsOfFirst();
  rows.slice(1).forEach((row, i) => expect(row.startMs).toBe(rows[i]?.endMs));
  const files = (await site.download(cameraId)).slice(0, rows.length);
  const report = followFrames(await readFrameCounters(files), camera.loop().frames);
  expect(report).toMatchObject({ missing: [], duplicated: [], reordered: [] });
  const gap = (await site.gaps(cameraId)).find(({ startMs }) => startMs === rows.at(-1)?.endMs);
  expect(gap?.reason).toBe('storage-down');
  expect(await openRuns(cameraId)).toEqual([]);
});

function openRuns(cameraId: string, name = 'a'): Promise<string[]> {
  return readdir(path.join(site.dir, name, 'open', cameraId));
}

/** Puts a folder in a file's place: reading that fails each time, as of a bad block. @returns where the file is */
async function makeUnreadable(filePath: string): Promise<string> {
  const saved = path.join(site.dir, `saved-${path.basename(filePath)}`);
  await rename(filePath, saved);
  await mkdir(filePath);
  return saved;
}

test.concurrent('a closed file that cannot be read holds later ones up for a while only, and is stored once it can be read', async () => {
  const cameraId = await site.addCamera(camera.url());
  const spool = path.join(site.dir, 'b');
  let broken: { name: string; saved: string } | null = null;
  const recorder = await site.start('b', {
    unreadablePatienceMs: 1000,
    async failpoint(step) {
      if (step !== 'closed' || broken !== null || recorder.stats().commits.committed === 0) return;
      const folder = path.join(spool, 'closed', cameraId);
      const name = (await readdir(folder)).toSorted().at(-1) ?? '';
      broken = { name, saved: await makeUnreadable(path.join(folder, name)) };
    },
  });
  const recording = await recorder.ensure(cameraId, null);
  const { name, saved } = await waitFor('a bad block', async () => broken ?? undefined);
  const [startMs = 0, durationMs = 0] = name.split('-').map(Number);
  const endMs = startMs + durationMs;
  await waitFor('later footage', async () => (await site.segments(cameraId)).some((row) => row.startMs >= endMs));
  await recording.stop('unwanted');
  await waitFor('no backlog', async () => recorder.stats().backlog.files + recorder.stats().pendingWrites === 0);
  const gap = (await site.gaps(cameraId)).find((one) => one.startMs === startMs);
  expect(gap).toMatchObject({ reason: 'storage-down', endMs, evidence: { hostId: recorder.hostId } });
  expect(gap?.evidence.lastError).toMatch(/^The disk of the spool: EISDIR/);
  expect(recorder.stats().unreadable).toEqual({ files: 1, oldestStartMs: startMs });
  await recorder.stop();

  const still = await site.start('b'); // the next start tries it again, in vain
  await waitFor('it is told of', async () => still.stats().unreadable.files === 1);
  await still.stop();
  const aside = path.join(spool, 'unreadable', cameraId);
  expect((await readdir(aside)).toSorted()).toEqual([name, `${name}.reason.txt`]);
  await rmdir(path.join(aside, name));
  await rename(saved, path.join(aside, name));
  const mended = await site.start('b');
  await waitFor('its row', async () => (await site.segments(cameraId)).some((row) => row.startMs === startMs));
  expect(mended.stats().unreadable).toEqual({ files: 0, oldestStartMs: null });
  expect(await readdir(aside)).toEqual([]);
  expect((await site.gaps(cameraId)).map(({ reason }) => reason)).not.toContain('storage-down');
  const report = followFrames(await readFrameCounters(await site.download(cameraId)), camera.loop().frames);
  expect(report).toMatchObject({ missing: [], duplicated: [], reordered: [] });
});

test.concurrent('a file that was being recorded and cannot be read is put aside; its run is closed without it', async () => {
  const cameraId = await site.addCamera(camera.url());
  let broken: string | null = null;
  const recorder = await site.start('c', {
    unreadablePatienceMs: 1000,
    async failpoint(step) {
      if (step !== 'closed' || broken !== null || recorder.stats().commits.committed === 0) return;
      const run = path.join(site.dir, 'c', 'open', cameraId, (await openRuns(cameraId, 'c'))[0] ?? '');
      // ffmpeg opens the next file before it lists this one.
      const open = (await readdir(run)).find((file) => file.endsWith('.mp4')) ?? '';
      broken = run;
      await makeUnreadable(path.join(run, open));
    },
  });
  const recording = await recorder.ensure(cameraId, null);
  await waitFor('a bad block', async () => broken !== null);
  await waitFor('a new run', async () => (await site.segments(cameraId)).filter((row) => row.anchor).length >= 2);
  await waitFor('it is put aside', async () => recorder.stats().unreadable.files === 1);
  await waitFor('its run is closed', async () => (await openRuns(cameraId, 'c')).length === 1);
  await recording.stop('unwanted');
  await waitFor('no backlog', async () => recorder.stats().backlog.files + recorder.stats().pendingWrites === 0);
  expect(await openRuns(cameraId, 'c')).toEqual([]);
  const gap = (await site.gaps(cameraId)).find(({ evidence }) => evidence.lastError?.includes('EISDIR'));
  expect(gap?.reason).toBe('storage-down');
  expect((await site.segments(cameraId)).map(({ endMs }) => endMs)).toContain(gap?.startMs);
});

test.concurrent('a file that was recorded and is no MP4 goes to quarantine, and its time is told as a bad stream', async () => {
  const cameraId = await site.addCamera(camera.url());
  let isSpoilt = false;
  const recorder = await site.start('d', {
    async failpoint(step) {
      if (step !== 'closed' || isSpoilt || recorder.stats().commits.committed === 0) return;
      const run = path.join(site.dir, 'd', 'open', cameraId, (await openRuns(cameraId, 'd'))[0] ?? '');
      // The next one has its first fragment by now.
      const next = (await readdir(run)).filter((file) => file.endsWith('.mp4')).toSorted();
      await writeFile(path.join(run, next[0] ?? ''), Buffer.from([0, 0, 0, 2]), { flag: 'r+' }); // its first 4 bytes
      isSpoilt = true;
    },
  });
  const recording = await recorder.ensure(cameraId, null);
  const isIts = (gap: Gap): boolean => gap.evidence.lastError === 'a ftyp of 2 bytes at 0';
  const gap = await waitFor('its gap', async () => (await site.gaps(cameraId)).find(isIts));
  await recording.stop('unwanted');
  await waitFor('no backlog', async () => recorder.stats().backlog.files + recorder.stats().pendingWrites === 0);
  expect(gap.reason).toBe('bad-stream');
  expect((await site.segments(cameraId)).map(({ endMs }) => endMs)).toContain(gap.startMs);
  expect((await readdir(path.join(site.dir, 'd', 'quarantine', cameraId))).length).toBe(2);
});

test.concurrent('what of a run could not be closed is in the backlog until it is', async () => {
  const spool = await openSpool({ dir: path.join(site.dir, 'left'), maxBytes: 1e9 });
  const put = async (run: string, name: string, wroteMs: number) => {
    const file = path.join(await spool.openRun('camera', run), name);
    await writeFile(file, Buffer.alloc(1000));
    await utimes(file, new Date(wroteMs), new Date(wroteMs));
  };
  const wroteMs = Date.UTC(2026, 0, 1);
  await put('run-1', '0.mp4', wroteMs + 2000);
  await put('run-1', '1.mp4', wroteMs + 4000);
  await put('run-1', 'run.json', wroteMs);
  await put('run-2', '0.mp4', wroteMs); // is being recorded
  let tries = 0;
  const salvage = async (cameraId: string, run: string): Promise<void> => {
    tries += 1;
    await spool.remove(path.join(spool.dir, 'open', cameraId, run, tries === 1 ? '0.mp4' : ''));
    if (tries === 1) throw new Error('ENOSPC: no space left on device');
  };
  const late = createLateSalvage({ salvage, spool, log: site.log });
  const backlog = () => backlogOf([], late.waiting());
  late.add('camera', 'run-1');
  await waitFor('both files', async () => late.waiting().length === 2);
  expect(backlog()).toEqual({ files: 2, bytes: 2000, oldestEndMs: wroteMs + 2000 });
  await waitFor('one file', async () => late.waiting().length === 1);
  expect(backlog()).toEqual({ files: 1, bytes: 1000, oldestEndMs: wroteMs + 4000 });
  await waitFor('none', async () => late.waiting().length === 0);
  expect(backlog()).toEqual({ files: 0, bytes: 0, oldestEndMs: null });
  expect(tries).toBe(2);
  await late.stop();
});

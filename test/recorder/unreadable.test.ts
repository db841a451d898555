import { readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { salvageSpool } from '../../recorder/resume.ts';
import { salvageRun } from '../../recorder/salvage.ts';
import { breakFiles } from '../support/broken-files.ts';
import { zeroEnd } from '../support/spoilt-file.ts';
import {
  giveUp,
  makeFootage,
  putAside,
  putClosed,
  putRun,
  startHost,
  startMs,
  tries,
  type Host,
} from './unreadable-host.ts';

let footage: Awaited<ReturnType<typeof makeFootage>>;
beforeAll(async () => {
  footage = await makeFootage();
});
afterAll(() => footage.remove());

test('a closed file that cannot even be moved is settled where it lies; a start finds the others', async () => {
  const host = await startHost();
  const files = [await putClosed(host, 0), await putClosed(host, 1)];
  const [bad] = files;
  if (bad === undefined) throw new Error('no file');
  const mend = breakFiles((at) => at === bad.path);
  try {
    await giveUp(host, bad);
    expect(host.aside).toMatchObject([{ file: bad }]);
    expect(host.unreadable.aside()).toEqual({ files: 1, oldestStartMs: startMs });
    const next = await startHost(host.spool.dir, host.cameraId);
    await Promise.all((await salvageSpool(next.salvage)).values());
    expect(next.closed).toEqual(files);
    await giveUp(next, bad);
    next.unreadable.forget(host.cameraId);
    expect(next.unreadable.aside().files).toBe(0);
  } finally {
    mend();
  }
  expect(await readdir(path.dirname(bad.path))).toContain(path.basename(bad.path));
});

test('a run is salvaged around a file whose inode is damaged, which stays with its folder', async () => {
  const host = await startHost();
  const dir = await putRun(host, 'run-1');
  const mend = breakFiles((at) => at === path.join(dir, '1.mp4'));
  const salvage = () => salvageRun(host.salvage, host.cameraId, 'run-1');
  try {
    for (let i = 1; i < tries; i += 1) await expect(salvage()).rejects.toThrow(/error -74/);
    await salvage();
    await salvage(); // what is settled is not waited for again
    expect(host.closed).toHaveLength(2);
    expect(host.aside).toHaveLength(1);
    const [first, second] = host.closed.map(({ name }) => name);
    expect(host.aside[0]?.file.name.startMs).toBe((first?.startMs ?? 0) + (first?.durationMs ?? 0));
    expect(second?.anchor).toBe(true);
  } finally {
    mend();
  }
  expect(await readdir(dir)).toContain('1.mp4');
  await rm(dir, { recursive: true });
});

describe('a run whose record', () => {
  const records: [string, (file: string) => Promise<(() => void) | undefined>][] = [
    ['cannot be read', async (file) => breakFiles((at, to) => at === file || to === file)],
    ['is a name without content', (file) => writeFile(file, '').then(() => undefined)],
    ['is none of ours', (file) => writeFile(file, '{"epoch":"x"}').then(() => undefined)],
  ];
  test.each(records)('%s is salvaged all the same, each file behind the one before it', async (_what, spoil) => {
    const host = await startHost();
    const dir = await putRun(host, 'run-1');
    const file = path.join(dir, 'run.json');
    await writeFile(file, '{}');
    const mend = await spoil(file);
    try {
      await salvageRun(host.salvage, host.cameraId, 'run-1');
    } finally {
      mend?.();
    }
    expect(host.closed).toHaveLength(footage.files);
    host.closed.slice(1).forEach(({ name }, i) => {
      const before = host.closed[i]?.name;
      expect(name.startMs).toBe((before?.startMs ?? 0) + (before?.durationMs ?? 0));
    });
    await expect(readdir(path.join(host.spool.dir, 'open', host.cameraId))).resolves.toEqual([]);
  });
});

test('a run is salvaged around a file that is no MP4, which goes to quarantine with its place', async () => {
  const host = await startHost();
  const dir = await putRun(host, 'run-1');
  await writeFile(path.join(dir, '1.mp4'), Buffer.alloc(20_000));
  await salvageRun(host.salvage, host.cameraId, 'run-1');
  const [first, second] = host.closed.map(({ name }) => name);
  expect(host.spoilt).toHaveLength(1);
  expect(host.spoilt[0]?.name?.startMs).toBe((first?.startMs ?? 0) + (first?.durationMs ?? 0));
  expect(second?.anchor).toBe(true);
});

const yearsMs = 3 * 365 * 86_400_000;

test.each([
  ['is years ahead', { isOffMs: yearsMs, wasOffMs: yearsMs }],
  ['is years behind', { isOffMs: -yearsMs, wasOffMs: -yearsMs }],
  ['was years ahead, and has been set', { isOffMs: 0, wasOffMs: yearsMs }],
  ['was years behind, and has been set', { isOffMs: 0, wasOffMs: -yearsMs }],
  ['is years behind since a restart', { isOffMs: -yearsMs, wasOffMs: 0 }],
])('footage of a run killed before its clock was noted lies where it was recorded: the host %s', async (_what, off) => {
  const host = await startHost();
  host.clock.offMs = -off.isOffMs;
  const nowMs = host.salvage.now();
  const run = `${nowMs - 15_000}-abc`;
  const dir = await putRun(host, run);
  const kept = new Date(nowMs + off.wasOffMs);
  for (const name of await readdir(dir)) await utimes(path.join(dir, name), kept, kept);
  const mend = breakFiles((at) => at === path.join(dir, '1.mp4'), ['readFile', 'open']);
  try {
    for (let i = 1; i < tries; i += 1)
      await expect(salvageRun(host.salvage, host.cameraId, run)).rejects.toThrow(/error -74/);
    await salvageRun(host.salvage, host.cameraId, run);
  } finally {
    mend();
  }
  const [first, second] = host.closed.map(({ name }) => name);
  expect(first?.startMs).toBeGreaterThanOrEqual(nowMs - 20_000);
  expect(first?.startMs).toBeLessThanOrEqual(nowMs);
  const unread = host.aside[0]?.file.name;
  expect(unread?.startMs).toBe((first?.startMs ?? 0) + (first?.durationMs ?? 0));
  expect(unread?.durationMs).toBeLessThan(60_000);
  expect((second?.startMs ?? 0) - (first?.startMs ?? 0)).toBeLessThan(60_000);
});

test('a disk that is full, or cannot be written durably, keeps no unreadable file at the head of its lane', async () => {
  const full = { errno: -28, code: 'ENOSPC' };
  const host = await startHost();
  const asideDir = path.join(host.spool.dir, 'unreadable', host.cameraId);
  const [first, second, third] = [await putClosed(host, 0), await putClosed(host, 1), await putClosed(host, 2)];
  const mendFiles = breakFiles((at) => [first, second, third].some((file) => file.path === at), ['readFile', 'open']);
  const unlessFolder = breakFiles((at) => at === asideDir, ['mkdir'], full);
  await giveUp(host, first);
  unlessFolder();
  const unlessReason = breakFiles((at) => at.endsWith('.reason.txt'), ['writeFile'], full);
  await giveUp(host, second);
  unlessReason();
  const unlessSynced = breakFiles((at) => at === asideDir, ['open']);
  await giveUp(host, third);
  unlessSynced();
  mendFiles();
  expect(host.aside.map(({ file }) => file)).toEqual([first, second, third]);
  expect(host.unreadable.aside().files).toBe(3);
  expect(await readdir(path.dirname(first.path))).toEqual([path.basename(first.path)]);
  expect(await readdir(asideDir)).toEqual([second, third].map((file) => path.basename(file.path)));
});

test('failures with a good read between them do not add up', async () => {
  const host = await startHost();
  const file = await putClosed(host, 0);
  const broken = async (): Promise<boolean> => {
    const mend = breakFiles((at) => at === file.path, ['open']);
    try {
      return await host.unreadable.failed(file, Object.assign(new Error('EIO'), { code: 'EIO' }));
    } finally {
      mend();
    }
  };
  expect([await broken(), await broken()]).toEqual([false, false]);
  expect(await host.unreadable.failed(file, new Error('the object store is away'))).toBe(false);
  expect([await broken(), await broken(), await broken()]).toEqual([false, false, true]);
});

test("what is aside of a camera that cannot be looked at keeps no other camera's from coming back", async () => {
  const host = await startHost();
  const others = [await startHost(host.spool.dir), await startHost(host.spool.dir)];
  for (const { cameraId } of [host, ...others]) await putAside({ ...host, cameraId }, 0);
  const [listed, moved] = others;
  const folderOf = (one: Host | undefined) => path.join(host.spool.dir, 'unreadable', one?.cameraId ?? '');
  const denied = { errno: -13, code: 'EACCES' };
  const mends = [
    breakFiles((at) => at === folderOf(listed), ['readdir'], denied),
    breakFiles((at) => at.startsWith(folderOf(moved)), ['rename'], { errno: -30, code: 'EROFS' }),
  ];
  try {
    await host.unreadable.tryAgain();
    expect(host.back.map(({ cameraId }) => cameraId)).toEqual([host.cameraId]);
    expect(host.unreadable.aside()).toEqual({ files: 1, oldestStartMs: startMs }); // the one that could not be moved
    await rm(path.join(host.spool.dir, 'closed', host.cameraId), { recursive: true });
  } finally {
    for (const mend of mends) mend();
  }
  await host.unreadable.tryAgain();
  expect(host.back).toHaveLength(3);
  expect(host.unreadable.aside().files).toBe(0);
  const mend = breakFiles((at) => at === path.join(host.spool.dir, 'unreadable'), ['readdir'], denied);
  await expect(host.unreadable.tryAgain()).rejects.toThrow(/EACCES/);
  mend();
});

test('a file that comes back with zeros in it is handed to its commit as it is, which cuts it', async () => {
  const host = await startHost();
  const { path: asidePath, name } = await putAside(host, 1);
  await zeroEnd(asidePath);
  const spoilt = await readFile(asidePath);
  await host.unreadable.tryAgain();
  expect(host.back).toMatchObject([{ name }]);
  expect(await readFile(host.back[0]?.path ?? '')).toEqual(spoilt);
  expect(await readdir(path.dirname(asidePath))).toEqual([]);
  expect(host.unreadable.aside().files).toBe(0);
});

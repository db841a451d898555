import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLogger } from '../../log.ts';
import { readIndex } from '../../media/mp4-index.ts';
import { noFailpoint } from '../../recorder/failpoint.ts';
import { createQuarantine } from '../../recorder/quarantine.ts';
import { salvageSpool } from '../../recorder/resume.ts';
import type { ClosedFile } from '../../recorder/run-files.ts';
import { salvageRun, type SalvageDeps } from '../../recorder/salvage.ts';
import { segmentFileName } from '../../recorder/segment-name.ts';
import { createUnreadable, type Unreadable } from '../../recorder/unreadable.ts';
import { openSpool, type Spool } from '../../storage/spool.ts';
import { makeFolder, recordMade } from '../media/footage.ts';
import { breakFiles } from '../support/broken-files.ts';

const log = createLogger({ level: 'silent', name: 'test' });
const startMs = Date.UTC(2026, 0, 1);
/** A file is given up at its third failure. */
const tries = 3;
let folder: Awaited<ReturnType<typeof makeFolder>>;
/** Three files of 4 s. */
let footage: string[];
beforeAll(async () => {
  folder = await makeFolder();
  footage = await recordMade(folder.path, 'footage');
});
afterAll(() => folder.remove());

interface Host {
  cameraId: string;
  spool: Spool;
  unreadable: Unreadable;
  aside: { file: ClosedFile; why: string }[];
  back: ClosedFile[];
  closed: ClosedFile[];
  salvage: SalvageDeps;
  left: string[];
}

/** The spool of a process, and what deals with unreadable files in it. */
async function startHost(dir = path.join(folder.path, randomUUID()), cameraId: string = randomUUID()): Promise<Host> {
  const spool = await openSpool({ dir, maxBytes: 1e9 });
  const aside: Host['aside'] = [];
  const back: ClosedFile[] = [];
  const closed: ClosedFile[] = [];
  const left: string[] = [];
  const unreadable = createUnreadable({
    spool,
    onAside: (file, why) => aside.push({ file, why }),
    onBack: (file) => back.push(file),
    patienceMs: 0,
    log,
  });
  const salvage: SalvageDeps = {
    spool,
    quarantine: createQuarantine(dir),
    unreadable,
    limits: { maxDurationMs: 60_000 },
    onClosed: (file) => closed.push(file),
    onLeft: (_camera, run) => left.push(run),
    log,
    failpoint: noFailpoint,
  };
  return { cameraId, spool, unreadable, aside, back, closed, salvage, left };
}

/** The n-th file of the footage in `closed/`. */
async function putClosed({ spool, cameraId }: Host, n: number): Promise<ClosedFile> {
  const name = { startMs: startMs + n * 4000, durationMs: 4000, epoch: 1, anchor: n === 0 };
  const target = path.join(spool.dir, 'closed', cameraId, segmentFileName(name));
  await mkdir(path.dirname(target), { recursive: true });
  await copyFile(footage[n] ?? '', target);
  return { cameraId, path: target, name };
}

/** All of the footage as a killed recorder leaves it. @returns the run's folder */
async function putRun({ spool, cameraId }: Host, run: string): Promise<string> {
  const dir = await spool.openRun(cameraId, run);
  for (const [n, file] of footage.entries()) await copyFile(file, path.join(dir, `${n}.mp4`));
  return dir;
}

/** Commits a file that cannot be read, as often as it takes. */
async function giveUp({ unreadable }: Host, file: ClosedFile): Promise<void> {
  for (let i = 1; i < tries; i += 1)
    await expect(unreadable.committing(file, () => readAll(file))).rejects.toThrow(/EIO|EISDIR|error -74/);
  expect(await unreadable.committing(file, () => readAll(file))).toEqual({ kind: 'unreadable' });
}

async function readAll(file: ClosedFile): Promise<never> {
  await readFile(file.path);
  throw new Error('the file can be read');
}

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
    expect(host.closed).toHaveLength(footage.length);
    host.closed.slice(1).forEach(({ name }, i) => {
      const before = host.closed[i]?.name;
      expect(name.startMs).toBe((before?.startMs ?? 0) + (before?.durationMs ?? 0));
    });
    await expect(readdir(path.join(host.spool.dir, 'open', host.cameraId))).resolves.toEqual([]);
  });
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

/** A file that lies in `unreadable/`, since another process found it so. */
async function putAside(host: Host, n: number): Promise<ClosedFile> {
  const file = await putClosed(host, n);
  const mend = breakFiles((at) => at === file.path, ['readFile', 'open']);
  try {
    await giveUp(await startHost(host.spool.dir, host.cameraId), file);
  } finally {
    mend();
  }
  return { ...file, path: path.join(host.spool.dir, 'unreadable', file.cameraId, path.basename(file.path)) };
}

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

test.each([
  ['zeros in it', true],
  ['its end missing', false],
])('a file that comes back with %s is stored as far as it is whole, and for no more time', async (_what, isZeroed) => {
  const host = await startHost();
  const { path: asidePath, name } = await putAside(host, 1);
  const { fragments, timescale } = await readIndex(asidePath);
  const first = fragments[0];
  const last = fragments.at(-1);
  if (first === undefined || last === undefined || first === last) throw new Error('too few fragments');
  const file = await open(asidePath, 'r+');
  if (isZeroed) await file.write(Buffer.alloc(last.bytes), 0, last.bytes, last.offset);
  else await file.truncate(last.offset + 20);
  await file.close();
  const spoilt = await readFile(asidePath);

  await host.unreadable.tryAgain();
  expect(host.back).toHaveLength(1);
  const [back] = host.back;
  const wholeMs = Math.round(((last.tfdt - first.tfdt) * 1000) / timescale);
  expect(back?.name).toEqual({ ...name, durationMs: wholeMs });
  expect(path.basename(back?.path ?? '')).toBe(segmentFileName({ ...name, durationMs: wholeMs }));
  expect(await readIndex(back?.path ?? '')).toMatchObject({ damage: null, isCutOff: false });
  expect((await readIndex(back?.path ?? '')).fragments).toHaveLength(fragments.length - 1);
  const kept = await readdir(path.dirname(asidePath));
  expect(kept).toEqual(isZeroed ? [`${path.basename(asidePath)}.damaged`] : []);
  if (isZeroed) expect(await readFile(`${asidePath}.damaged`)).toEqual(spoilt);

  expect(host.unreadable.aside().files).toBe(0);
  await host.unreadable.tryAgain();
  expect(host.back).toHaveLength(1);
});

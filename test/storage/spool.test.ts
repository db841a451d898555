import { mkdir, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openSpool } from '../../storage/spool.ts';
import { breakFiles } from '../support/broken-files.ts';

const camera = '0190f1de-0000-7000-8000-00000000000b';
let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'framekeep-spool-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const open = (expectExisting = false, maxBytes = 10_000_000) =>
  openSpool({ dir: join(root, 'spool'), maxBytes, expectExisting });

test('a host keeps its identity, and two spools differ', async () => {
  const first = await open();
  expect((await open()).hostId).toBe(first.hostId);
  expect((await open(true)).hostId).toBe(first.hostId);
  expect((await openSpool({ dir: join(root, 'other'), maxBytes: 1 })).hostId).not.toBe(first.hostId);
});

test('a spool that should be there and is not is refused, and nothing is made in its place', async () => {
  await expect(open(true)).rejects.toThrow(/is its disk mounted/);
  await expect(stat(join(root, 'spool'))).rejects.toThrow(/ENOENT/);
});

test('a disk that goes away or is exchanged while recording refuses further runs', async () => {
  const spool = await open();
  const marker = join(spool.dir, 'framekeep-spool.json');
  const text = await readFile(marker, 'utf8');
  await writeFile(marker, JSON.stringify({ hostId: 'someone-else' }));
  await expect(spool.openRun(camera, 'run-1')).rejects.toThrow(/belongs to host someone-else/);
  await rm(marker);
  await expect(spool.openRun(camera, 'run-1')).rejects.toThrow(/lost its marker/);
  await writeFile(marker, text);
  expect(await spool.openRun(camera, 'run-1')).toBe(join(spool.dir, 'open', camera, 'run-1'));
});

test('a file goes from open to closed to linger, and each level lists it with what it is', async () => {
  const spool = await open();
  const folder = await spool.openRun(camera, 'run-1');
  await writeFile(join(folder, '0.mp4'), Buffer.alloc(5000, 1));
  expect(await spool.openFiles()).toMatchObject([{ cameraId: camera, run: 'run-1', name: '0.mp4', bytes: 5000 }]);

  const closed = await spool.close({ cameraId: camera, run: 'run-1', name: '0.mp4' }, '1000-1.mp4');
  expect(await spool.openFiles()).toEqual([]);
  expect(await spool.closedFiles()).toMatchObject([{ cameraId: camera, name: '1000-1.mp4', path: closed }]);
  expect(await spool.closedFiles(camera)).toHaveLength(1);
  expect(await spool.closedFiles('another')).toEqual([]);

  const lingering = await spool.linger(camera, '1000-1.mp4', '1000-1-abc.mp4');
  expect(await readFile(lingering)).toEqual(Buffer.alloc(5000, 1));
  expect(await spool.closedFiles()).toEqual([]);
  expect(await spool.lingeringFiles()).toMatchObject([{ name: '1000-1-abc.mp4', bytes: 5000 }]);

  await spool.remove(lingering);
  await spool.remove(lingering);
  expect(await spool.lingeringFiles()).toEqual([]);
});

test('what was in the spool is there for the next process', async () => {
  const spool = await open();
  await writeFile(join(await spool.openRun(camera, 'run-1'), '3.mp4'), 'half');
  await spool.writeJournal(camera, '{"epoch":3}');
  const next = await open(true);
  expect(await next.openFiles()).toMatchObject([{ run: 'run-1', name: '3.mp4', bytes: 4 }]);
  expect(await next.journalNames()).toEqual([camera]);
  expect(await next.readJournal(camera)).toBe('{"epoch":3}');
  await next.removeJournal(camera);
  expect(await next.readJournal(camera)).toBeNull();
  expect(await next.journalNames()).toEqual([]);
});

test('usage counts blocks: a sparse file takes less than its length, a small one at least a block', async () => {
  const spool = await open();
  const before = (await spool.usage()).usedBytes;
  const folder = await spool.openRun(camera, 'run-1');
  await writeFile(join(folder, 'sparse.mp4'), '');
  await truncate(join(folder, 'sparse.mp4'), 50_000_000);
  expect((await spool.usage()).usedBytes - before).toBeLessThan(1_000_000);
  expect(await spool.hasRoomFor(1_000_000)).toBe(true);

  await writeFile(join(folder, 'real.mp4'), Buffer.alloc(6_000_000, 7));
  expect((await spool.usage()).usedBytes - before).toBeGreaterThanOrEqual(6_000_000);
  expect(await spool.hasRoomFor(1_000_000)).toBe(true);
  expect(await spool.hasRoomFor(5_000_000)).toBe(false);
});

test('what lingers counts at each look, until it is removed', async () => {
  const spool = await open();
  const folder = await spool.openRun(camera, 'run-1');
  const before = (await spool.usage()).usedBytes;
  await writeFile(join(folder, '0.mp4'), Buffer.alloc(3_000_000, 7));
  await spool.close({ cameraId: camera, run: 'run-1', name: '0.mp4' }, '1-1.mp4');
  const path = await spool.linger(camera, '1-1.mp4', '1-1-abc.mp4');
  for (let look = 0; look < 2; look += 1) {
    expect((await spool.usage()).usedBytes - before).toBeGreaterThanOrEqual(3_000_000);
  }
  await spool.remove(path);
  expect((await spool.usage()).usedBytes - before).toBeLessThan(1_000_000);
});

test('no room is promised that the disk does not have', async () => {
  const spool = await open(false, Number.MAX_SAFE_INTEGER);
  const { freeBytes } = await spool.usage();
  expect(freeBytes).toBeGreaterThan(0);
  expect(await spool.hasRoomFor(freeBytes + 100_000_000_000)).toBe(false);
});

test('no name leads out of the spool', async () => {
  const spool = await open();
  for (const name of ['..', '../x', 'a/b', '', '.hidden', 'a\0b']) {
    await expect(spool.openRun(name, 'run')).rejects.toThrow(/not a name/);
    await expect(spool.openRun(camera, name)).rejects.toThrow(/not a name/);
    await expect(spool.linger(camera, name, 'x.mp4')).rejects.toThrow(/not a name/);
  }
});

test('closing a file that is not there fails and leaves nothing behind', async () => {
  const spool = await open();
  await spool.openRun(camera, 'run-1');
  await expect(spool.close({ cameraId: camera, run: 'run-1', name: '9.mp4' }, 'x.mp4')).rejects.toThrow(/ENOENT/);
  expect(await spool.closedFiles()).toEqual([]);
});

test('a file and a folder whose inodes are damaged are listed and counted around', async () => {
  const told: string[] = [];
  const spool = await openSpool({ dir: join(root, 'spool'), maxBytes: 1e9, onUnreadable: (path) => told.push(path) });
  const folder = await spool.openRun(camera, 'run-1');
  const closed: string[] = [];
  for (const name of ['1-1.mp4', '2-1.mp4']) {
    await writeFile(join(folder, name), Buffer.alloc(5000, 1));
    closed.push(await spool.close({ cameraId: camera, run: 'run-1', name }, name));
  }
  const damagedFolder = join(spool.dir, 'linger', 'another');
  await mkdir(damagedFolder);
  const usedBytes = (await spool.usage()).usedBytes;
  const [good = '', bad = ''] = closed;
  const { blocks } = await stat(bad);
  const mend = breakFiles((path) => path === bad || path === damagedFolder);
  try {
    expect(await spool.closedFiles()).toMatchObject([
      { path: good, bytes: 5000 },
      { path: bad, bytes: 0, diskBytes: 0, isUnreadable: true },
    ]);
    expect(await spool.lingeringFiles()).toEqual([]);
    expect((await spool.usage()).usedBytes).toBe(usedBytes - blocks * 512);
    expect(told).toEqual([bad, damagedFolder]);
  } finally {
    mend();
  }
  expect((await spool.usage()).usedBytes).toBe(usedBytes);
});

test('what this process may not look into is measured around, and told of once', async () => {
  const told: string[] = [];
  const spool = await openSpool({ dir: join(root, 'spool'), maxBytes: 1e9, onUnreadable: (path) => told.push(path) });
  const denied = join(spool.dir, 'quarantine', camera);
  await mkdir(denied, { recursive: true });
  const { usedBytes } = await spool.usage();
  await writeFile(join(denied, 'x.mp4'), Buffer.alloc(5000, 1));
  const mend = breakFiles((path) => path === denied, ['readdir'], { errno: -13, code: 'EACCES' });
  try {
    expect((await spool.usage()).usedBytes).toBe(usedBytes);
    expect((await spool.usage()).usedBytes).toBe(usedBytes);
    expect(told).toEqual([denied]);
  } finally {
    mend();
  }
});

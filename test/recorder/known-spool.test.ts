import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createLogger } from '../../log.ts';
import { breakFiles } from '../support/broken-files.ts';
import { openKnownSpool, SpoolMissingError } from '../../recorder/known-spool.ts';

const log = createLogger({ level: 'silent', name: 'test' });
let root: string;
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'framekeep-known-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const open = (spool = 'spool', data = 'data') =>
  openKnownSpool({ dir: path.join(root, spool), maxBytes: 1e9, dataDir: path.join(root, data) }, log);
const memories = () => readdir(path.join(root, 'data', 'spools'));

test('a spool is remembered; without its disk none is made, be the mount point there or not', async () => {
  const { hostId } = await open();
  const [memory = ''] = await memories();
  const text = await readFile(path.join(root, 'data', 'spools', memory), 'utf8');
  expect(JSON.parse(text)).toEqual({ dir: path.join(root, 'spool'), hostId });

  await rename(path.join(root, 'spool'), path.join(root, 'disk'));
  await expect(open()).rejects.toThrow(SpoolMissingError);
  expect(await readdir(root)).not.toContain('spool');
  await mkdir(path.join(root, 'spool'));
  await expect(open()).rejects.toThrow(/mount its disk, .* remove .*data\/spools\//);
  await expect(open()).rejects.toMatchObject({ hostId });
  expect(await readdir(path.join(root, 'spool'))).toEqual([]);

  await rm(path.join(root, 'spool'), { recursive: true });
  await rename(path.join(root, 'disk'), path.join(root, 'spool'));
  expect((await open()).hostId).toBe(hostId);
});

test.each([
  ['empty', (memory: string) => writeFile(memory, '')],
  ['cut off', (memory: string) => writeFile(memory, '{"dir":"/sp')],
  ['no file that can be read', (memory: string) => rm(memory).then(() => mkdir(memory))],
])('a memory that is %s still says that a spool was used, and whose', async (_what, spoil) => {
  const { hostId } = await open();
  const [memory = ''] = await memories();
  await spoil(path.join(root, 'data', 'spools', memory));
  await rename(path.join(root, 'spool'), path.join(root, 'disk'));
  await expect(open()).rejects.toThrow(/mount its disk, .* remove .*data\/spools\//);
  await expect(open()).rejects.toMatchObject({ name: 'SpoolMissingError', hostId });
  expect(await readdir(root)).not.toContain('spool');
  await rename(path.join(root, 'disk'), path.join(root, 'spool'));
  expect((await open()).hostId).toBe(hostId);
});

test.each([
  ['whole', true],
  ['cut off', false],
])('a memory of the version before, %s, is one too, and becomes one of this version', async (_what, isWhole) => {
  const { hostId } = await open();
  const [memory = ''] = await memories();
  const folder = path.join(root, 'data', 'spools');
  const former = path.join(folder, memory.replace(`-${hostId}`, ''));
  await rename(path.join(folder, memory), former);
  if (!isWhole) await writeFile(former, '{');
  await rename(path.join(root, 'spool'), path.join(root, 'disk'));
  await expect(open()).rejects.toMatchObject({ name: 'SpoolMissingError', hostId: isWhole ? hostId : null });
  await rename(path.join(root, 'disk'), path.join(root, 'spool'));
  await open();
  expect(await memories()).toEqual([memory]);
});

test('a folder of memories that cannot be listed may have one', async () => {
  const { hostId } = await open();
  const folder = path.join(root, 'data', 'spools');
  const mend = breakFiles((at) => at === folder, ['readdir']);
  try {
    expect((await open()).hostId).toBe(hostId); // the spool is there
    await rename(path.join(root, 'spool'), path.join(root, 'disk'));
    await expect(open()).rejects.toMatchObject({ name: 'SpoolMissingError', hostId: null });
  } finally {
    mend();
  }
});

test('a known spool whose disk answers with an error is waited for, as one that is not there', async () => {
  const { hostId } = await open();
  const marker = path.join(root, 'spool', 'framekeep-spool.json');
  const mend = breakFiles((at) => at === marker, ['readFile']);
  await expect(open()).rejects.toMatchObject({ name: 'SpoolMissingError', hostId });
  await expect(open()).rejects.toThrow(/cannot be read \(.*error -74.*mount its disk/);
  mend();
  expect((await open()).hostId).toBe(hostId);
});

test('where the memory is removed, a new spool is made; another spool is another memory', async () => {
  const first = await open();
  await open('other');
  expect(await memories()).toHaveLength(2);
  await rm(path.join(root, 'spool'), { recursive: true });
  await expect(open()).rejects.toThrow(SpoolMissingError);
  await rm(path.join(root, 'data', 'spools'), { recursive: true });
  expect((await open()).hostId).not.toBe(first.hostId);
});

test('a data folder and a spool that vanish together are a new installation', async () => {
  const first = await open('data/spool');
  await rm(path.join(root, 'data'), { recursive: true });
  expect((await open('data/spool')).hostId).not.toBe(first.hostId);
});

test('a memory that cannot be written keeps nobody from recording', async () => {
  const { hostId } = await open();
  const [memory = ''] = await memories();
  await rm(path.join(root, 'data', 'spools', memory));
  await mkdir(path.join(root, 'data', 'spools', `${memory}.new`)); // where its text is written first
  expect((await open()).hostId).toBe(hostId);
  expect(await memories()).toEqual([`${memory}.new`]);
});

import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createLogger } from '../../log.ts';
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

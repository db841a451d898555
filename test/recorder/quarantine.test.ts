import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createLogger } from '../../log.ts';
import { askAgain, keptFiles, takeBack, whyNotAgain } from '../../recorder/kept-files.ts';
import {
  createQuarantine,
  createQuarantineBound,
  keepInQuarantine,
  trimQuarantine,
} from '../../recorder/quarantine.ts';
import { createSpoolGuard } from '../../recorder/spool-guard.ts';
import { openSpool } from '../../storage/spool.ts';
import { waitFor } from '../support/wait-for.ts';

const log = createLogger({ level: 'silent', name: 'test' });
const dayMs = 86_400_000;
const blockBytes = 64 * 1024;
let root: string;
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'framekeep-quarantine-'));
  await mkdir(path.join(root, 'closed', 'camera'), { recursive: true });
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function put(name: string, sinceMs: number, cameraId = 'camera'): Promise<void> {
  const file = path.join(root, 'closed', 'camera', name);
  await writeFile(file, Buffer.alloc(blockBytes, 1));
  await createQuarantine({ spoolDir: root, now: Date.now })(cameraId, file, 'a test');
  const folder = path.join(root, 'quarantine', cameraId);
  for (const kept of (await readdir(folder)).filter((found) => found.includes(name))) {
    await utimes(path.join(folder, kept), new Date(sinceMs), new Date(sinceMs));
  }
}

const boundOf = (now = Date.now) => createQuarantineBound({ spoolDir: root, keptMs: 14 * dayMs, log, now });
const kept = async (cameraId = 'camera'): Promise<string[]> =>
  (await readdir(path.join(root, 'quarantine', cameraId))).toSorted();
const both = (name: string): string[] => [`camera-${name}`, `camera-${name}.reason.txt`];

test('what is in quarantine goes with its reason when it is old, and the oldest when it is too much', async () => {
  const nowMs = Date.now();
  await put('a.mp4', nowMs - 15 * dayMs);
  await put('b.mp4', nowMs - 13 * dayMs);
  await put('c.mp4', nowMs - 12 * dayMs, 'other');
  await put('d.mp4', nowMs - 11 * dayMs);
  const sinceMs = nowMs - 14 * dayMs;
  expect(await trimQuarantine(root, { sinceMs, maxBytes: 1e9 }, log)).toMatchObject({ files: 1 });
  expect(await kept()).toEqual([...both('b.mp4'), ...both('d.mp4')]);
  expect(await trimQuarantine(root, { sinceMs, maxBytes: 1e9 }, log)).toEqual({ files: 0, bytes: 0 });
  const { files, bytes } = await trimQuarantine(root, { sinceMs, maxBytes: 1.5 * blockBytes }, log);
  expect([files, bytes >= 2 * blockBytes]).toEqual([2, true]);
  expect(await kept()).toEqual(both('d.mp4'));
  expect(await kept('other')).toEqual([]);
});

test('a file is kept besides, as often as that is repeated, and outlives the one in `closed/`', async () => {
  const file = path.join(root, 'closed', 'camera', 'a.mp4');
  await writeFile(file, 'footage');
  const keep = () => keepInQuarantine({ spoolDir: root, now: Date.now }, { cameraId: 'camera', path: file }, 'covered');
  expect(await keep()).toBe(await keep());
  await rm(file);
  expect(await kept()).toEqual(both('a.mp4'));
  expect(await readFile(await pathOfKept(), 'utf8')).toBe('footage');
});

const pathOfKept = async (): Promise<string> => path.join(root, 'quarantine', 'camera', (await kept())[0] ?? '');

test.each([
  ['what is old goes', 1e9, both('b.mp4')],
  ['all goes that is more than a tenth of a spool that is nearly full', 2.2 * blockBytes, []],
])('a recorder bounds what is in quarantine: %s', async (_what, maxBytes, left) => {
  await put('a.mp4', Date.now() - 15 * dayMs);
  await put('b.mp4', Date.now() - 13 * dayMs);
  const spool = await openSpool({ dir: root, maxBytes });
  await writeFile(path.join(root, 'closed', 'camera', 'waits.mp4'), Buffer.alloc(blockBytes, 1));
  const guard = createSpoolGuard({ spool, releaseLingering: async () => undefined, quarantine: boundOf(), log });
  guard.start();
  try {
    await waitFor('what is too much is gone', async () => (await kept()).length === left.length);
  } finally {
    await guard.stop();
  }
  expect(await kept()).toEqual(left);
});

test('a host clock that is ahead removes nothing from quarantine', async () => {
  await put('a.mp4', Date.now() - 15 * dayMs);
  const spool = await openSpool({ dir: root, maxBytes: 1e9 });
  const now = () => Date.now() - 2 * dayMs;
  const guard = createSpoolGuard({ spool, releaseLingering: async () => undefined, quarantine: boundOf(now), log });
  guard.start();
  await waitFor('it has looked', async () => guard.usage() !== null);
  await guard.stop(); // after the look that runs
  expect(await kept()).toEqual(both('a.mp4'));
});

test('what a host whose clock is years behind puts into quarantine is not old once the clock is set', async () => {
  const now = () => Date.now() + 3 * 365 * dayMs;
  const file = path.join(root, 'closed', 'camera', 'a.mp4');
  await writeFile(file, Buffer.alloc(blockBytes, 1));
  await keepInQuarantine({ spoolDir: root, now }, { cameraId: 'camera', path: file }, 'covered');
  await createQuarantine({ spoolDir: root, now })('other', file, 'a test');
  const bound = (days: number) => ({ sinceMs: now() - days * dayMs, maxBytes: 1e9 });
  expect(await trimQuarantine(root, bound(14), log)).toEqual({ files: 0, bytes: 0 });
  expect(await trimQuarantine(root, bound(-1), log)).toMatchObject({ files: 2 });
});

test('what lingers goes before what is in quarantine', async () => {
  await put('a.mp4', Date.now() - dayMs);
  const lingering = path.join(root, 'lingering.mp4');
  await writeFile(lingering, Buffer.alloc(20 * blockBytes, 1));
  const spool = await openSpool({ dir: root, maxBytes: 22 * blockBytes });
  const guard = createSpoolGuard({ spool, releaseLingering: () => rm(lingering), quarantine: boundOf(), log });
  guard.start();
  await waitFor('it has looked', async () => (guard.usage()?.usedBytes ?? Infinity) < 10 * blockBytes);
  await guard.stop();
  expect(await kept()).toEqual(both('a.mp4'));
});

test('what was put aside is told apart, and goes when it is old but for what cannot be read', async () => {
  const name = '1000-2000-3-next.mp4';
  const nowMs = Date.now();
  await put(name, nowMs);
  await put('0.mp4', nowMs);
  const aside = path.join(root, 'unreadable', 'camera');
  await mkdir(aside, { recursive: true });
  for (const file of [name, `${name}.reason.txt`, `${name}.damaged`])
    await writeFile(path.join(aside, file), 'footage');
  const [closed, ofRun, unreadable, damaged] = await keptFiles(root).then((all) =>
    [`camera-${name}`, 'camera-0.mp4', name, `${name}.damaged`].map((found) =>
      all.find((one) => path.basename(one.path ?? '') === found),
    ),
  );
  if (!closed || !ofRun || !unreadable || !damaged) throw new Error('one is not told of');
  const place = { startMs: 1000, durationMs: 2000, epoch: 3, anchor: false };
  expect(closed).toMatchObject({ kind: 'quarantine', cameraId: 'camera', name: place, bytes: blockBytes });
  expect([closed, ofRun, unreadable, damaged].map((one) => whyNotAgain(one) === null)).toEqual([
    true,
    false,
    false,
    false,
  ]);
  expect([ofRun.name, unreadable.name, damaged.name]).toEqual([null, place, place]);

  // What is asked for is as old as its reason, however old its footage is.
  await askAgain(closed);
  const bound = { sinceMs: nowMs - dayMs, maxBytes: 1e9 };
  const old = new Date(nowMs - 2 * dayMs);
  for (const file of await readdir(aside)) await utimes(path.join(aside, file), old, old);
  await utimes(`${closed.path}.retry`, old, old);
  await utimes(`${closed.path}.reason.txt`, new Date(nowMs), new Date(nowMs));
  expect(await trimQuarantine(root, bound, log)).toMatchObject({ files: 1 });
  expect(await readdir(aside)).toEqual([name, `${name}.reason.txt`]);
  const asked = (await keptFiles(root)).find((one) => one.isAsked);
  expect(asked && (await takeBack(root, asked))?.name).toEqual(place);
  expect(await kept()).toEqual(both('0.mp4'));
  expect(await readdir(path.join(root, 'closed', 'camera'))).toEqual([name]);
});

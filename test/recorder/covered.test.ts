import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { markRecording, takeEpoch } from '../../db/leases.ts';
import { readIndex } from '../../media/mp4-index.ts';
import { commitFile } from '../../recorder/commit.ts';
import { waitFor } from '../support/wait-for.ts';
import {
  closedNames,
  gopMs,
  gops,
  makeGopSource,
  openHost,
  quarantined,
  recordingOf,
  watermarkAt,
  type ClockedHost,
  type GopSource,
} from './clocked-host.ts';
import { createSite, type Site } from './host.ts';
import { startProcess } from './start-process.ts';

/** Within a file of the older recording. */
const firstOfNewer = 5;
const committedBefore = 2;
const right = { offMs: 0, untilGop: 0, thenMs: 0 };

let site: Site;
let source: GopSource;
beforeAll(async () => {
  site = await createSite();
  source = await makeGopSource(path.join(site.dir, 'source'));
});
afterAll(() => site?.close());

async function openFor(name: string): Promise<ClockedHost> {
  const host = await openHost(site, name);
  host.deps.handoverHoldMs = 0;
  onTestFinished(() => host.committer.stop());
  return host;
}

/** A camera whose older recording has committed up to the newer one's first picture, and the newer one all since. */
async function twoRecordings(names: { older: string; newer: string }, hasCommonKey: boolean) {
  const { pool: db } = site.database;
  const older = await openFor(names.older);
  const newer = await openFor(names.newer);
  const id = await site.addCamera('rtsp://127.0.0.1/');
  const baseMs = Date.now() - 120_000; // nobody waits for a seam any more
  await watermarkAt(site, id, baseMs - 60_000);
  const record = async (host: ClockedHost, at: { from: number; to: number; keySha256: string | null }) => {
    const epoch = await takeEpoch(db, id, { hostId: host.deps.spool.hostId, sessionId: null });
    await markRecording(db, id, epoch, { frameMs: baseMs + at.from * gopMs, keySha256: at.keySha256 });
    return (await recordingOf(source, host, { id, baseMs, epoch }, at, right)).map(({ file }) => file);
  };
  const olds = await record(older, { from: 0, to: gops, keySha256: source.keys[0] ?? null });
  for (const file of olds.slice(0, committedBefore)) await commitFile(older.deps, file);
  const keySha256 = hasCommonKey ? (source.keys[firstOfNewer] ?? null) : null;
  const news = await record(newer, { from: firstOfNewer, to: gops, keySha256 });
  for (const file of news) newer.committer.add(file);
  expect(await newer.committer.flush(30_000)).toBe(true);
  const rest = olds.slice(committedBefore);
  return { id, baseMs, older, newer, rest, epochs: [rest[0]?.name.epoch, news[0]?.name.epoch] };
}

const rowsOf = async (id: string): Promise<number> => (await site.segments(id)).length;

test.each([
  { what: 'goes where a common key proves that its pictures are there', hasCommonKey: true },
  { what: 'is kept where nothing proves that', hasCommonKey: false },
])('footage whose time other rows have $what', async ({ hasCommonKey }) => {
  const names = { older: `older-${hasCommonKey}`, newer: `newer-${hasCommonKey}` };
  const { id, older, newer, rest, epochs } = await twoRecordings(names, hasCommonKey);
  const rows = await rowsOf(id);
  const bytes = await readFile(rest[0]?.path ?? '');
  for (const file of rest) older.committer.add(file);
  expect(await older.committer.flush(30_000)).toBe(true);
  // Of the first one the part before the newer recording is committed.
  expect(older.committer.counts()).toMatchObject({ committed: 1, covered: rest.length - (hasCommonKey ? 0 : 1) });
  expect(await closedNames(older, id)).toEqual([]);
  expect(await rowsOf(id)).toBe(rows + 1);
  const kept = await quarantined(older.deps.spool, id);
  expect(kept).toEqual(hasCommonKey ? [] : rest.map((file) => `${id}-${path.basename(file.path)}`));
  expect(await quarantined(newer.deps.spool, id)).toEqual([]);
  if (hasCommonKey) return;
  const first = path.join(older.deps.spool.dir, 'quarantine', id, kept[0] ?? '');
  expect(await readFile(first)).toEqual(bytes);
  expect(await readFile(`${first}.reason.txt`, 'utf8')).toContain(`(epochs ${epochs[1]})`);
});

test('a restart amid what the newer recording has keeps nothing of the rest', async () => {
  const names = { older: 'older-restarted', newer: 'newer-restarted' };
  const { id, older, rest } = await twoRecordings(names, true);
  const [first, ...later] = rest;
  if (first === undefined) throw new Error('a file was wanted');
  older.committer.add(first);
  expect(await older.committer.flush(30_000)).toBe(true);
  expect(older.committer.counts()).toMatchObject({ committed: 1, covered: 1 });
  await older.committer.stop();
  const restarted = await openFor(names.older);
  for (const file of later) restarted.committer.add(file);
  expect(await restarted.committer.flush(30_000)).toBe(true);
  expect(restarted.committer.counts()).toMatchObject({ committed: 0, covered: later.length });
  expect(await closedNames(restarted, id)).toEqual([]);
  expect(await quarantined(restarted.deps.spool, id)).toEqual([]);
});

test('of footage that is covered in part the free part is committed, and all of it is kept', async () => {
  const { id, baseMs, newer, epochs } = await twoRecordings({ older: 'older-part', newer: 'newer-part' }, false);
  const from = gops - 2;
  const late = { offMs: gopMs, untilGop: gops, thenMs: gopMs };
  const other = { id, baseMs, epoch: epochs[0] ?? 0 };
  const [one] = await recordingOf(source, newer, other, { from, to: gops }, late);
  if (one === undefined) throw new Error('a file was wanted');
  const outcome = await commitFile(newer.deps, one.file);
  if (outcome.kind !== 'cut') throw new Error(`not cut but ${outcome.kind}`);
  const [part] = outcome.parts;
  expect(outcome.parts.map(({ name }) => [name.startMs - baseMs, name.durationMs])).toEqual([[gops * gopMs, gopMs]]);
  expect((await readIndex(part?.path ?? '')).fragments).toHaveLength(1);
  const [kept = ''] = await quarantined(newer.deps.spool, id);
  const keptPath = path.join(newer.deps.spool.dir, 'quarantine', id, kept);
  expect((await readIndex(keptPath)).fragments).toHaveLength(2);
});

test('killed when it is kept and not yet removed, it is dealt with again, and kept once', async () => {
  const name = 'killed';
  const { id, older, rest } = await twoRecordings({ older: name, newer: 'newer-killed' }, false);
  const rows = await rowsOf(id);
  const { child, exited } = startProcess(site, name, { killAt: 'kept:1' });
  onTestFinished(() => void child.kill('SIGKILL'));
  expect(await exited).toBe('SIGKILL');
  expect(await quarantined(older.deps.spool, id)).toHaveLength(1);
  expect(await closedNames(older, id)).toHaveLength(rest.length);
  await site.start(name);
  await waitFor('all of it', async () => (await closedNames(older, id)).length === 0);
  expect(await quarantined(older.deps.spool, id)).toHaveLength(rest.length);
  expect(await rowsOf(id)).toBe(rows + 1);
});

import { rename } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { readStoredSegment } from '../../activities/stored-segment.ts';
import { leaseOf, markRecording, noteArchiveLead, takeEpoch } from '../../db/leases.ts';
import { upsertRecorder } from '../../db/recorders.ts';
import { commitFile } from '../../recorder/commit.ts';
import { parseSegmentFileName, segmentFileName } from '../../recorder/segment-name.ts';
import { waitFor } from '../support/wait-for.ts';
import {
  archivedGops,
  closedNames,
  firstStored,
  gopMs,
  gops,
  makeFinals,
  makeGopSource,
  openHost,
  recordingOf,
  watermarkAt,
  type ClockedHost,
  type GopSource,
  type HostClock,
} from './clocked-host.ts';
import { firstOfNewer, handOverOn, type NewerCommits } from './hand-over.ts';
import { createSite, type Site } from './host.ts';
import { startProcess } from './start-process.ts';

let site: Site;
let source: GopSource;
let hosts: { older: ClockedHost; newer: ClockedHost };

beforeAll(async () => {
  site = await createSite();
  source = await makeGopSource(path.join(site.dir, 'source'));
  hosts = { older: await openHost(site, 'older'), newer: await openHost(site, 'newer') };
});
afterAll(async () => {
  await Promise.all([hosts?.older, hosts?.newer].map((host) => host?.committer.stop()));
  await site?.close();
});

/** The GOPs of the archive in the order of its rows. */
const archived = (cameraId: string, newer = hosts.newer): Promise<number[]> =>
  archivedGops(site, source, { cameraId, hosts: [hosts.older, newer] });

const handOver = (older: HostClock, newer: HostClock, olderEndsAtGop: number, how?: NewerCommits) =>
  handOverOn({ site, source, hosts }, { older, newer, olderEndsAtGop }, how);

const everyGop = Array.from({ length: gops }, (_, gop) => gop);

interface Case {
  what: string;
  older?: HostClock;
  newer: HostClock;
  ends?: number;
}

/** Any clocks of two hosts that are off by up to 25 s, and set at any moment; the same ones each time. */
function anyClocks(): Case[] {
  const clock = (least: number, most: number) =>
    fc.record({
      offMs: fc.integer({ min: least, max: most }),
      untilGop: fc.integer({ min: firstOfNewer, max: gops }),
      thenMs: fc.oneof(fc.constant(0), fc.integer({ min: least, max: most })),
    });
  const all = fc.record({
    older: clock(-2000, 2000),
    newer: clock(-25_000, 4000),
    ends: fc.integer({ min: firstOfNewer + 1, max: firstOfNewer + 4 }),
  });
  return fc.sample(all, { numRuns: 12, seed: 4 }).map((found) => ({ what: JSON.stringify(found), ...found }));
}

const right = { offMs: 0, untilGop: 0, thenMs: 0 };
const stays = (offMs: number): HostClock => ({ offMs, untilGop: Infinity, thenMs: offMs });

test.concurrent.each<Case>([
  { what: 'equal clocks', newer: right },
  { what: 'the newer one 2.2 s behind, then set right', newer: { offMs: -2200, untilGop: 9, thenMs: 0 } },
  { what: 'the same, its clock set right within the first file', newer: { offMs: -2200, untilGop: 6, thenMs: 0 } },
  { what: 'the newer one 2.2 s behind for good', newer: stays(-2200) },
  { what: 'the newer one 1 s behind: it meets the older one to a ms', newer: stays(-1000) },
  { what: 'the newer one 4 s behind, then set right', newer: { offMs: -4000, untilGop: 8, thenMs: 0 } },
  { what: 'the newer one 20 s behind, then set right', newer: { offMs: -20_000, untilGop: 10, thenMs: 0 } },
  { what: 'the newer one 20 s behind for good', newer: stays(-20_000) },
  { what: 'the newer one 3 s ahead for good', newer: stays(3000) },
  { what: 'the newer one set back 10 s just then', newer: { offMs: 0, untilGop: 6, thenMs: -10_000 } },
  { what: 'the older one 20 s behind since it began', older: stays(-20_000), newer: right },
  { what: 'the older one set back 8 s before', older: { offMs: 0, untilGop: 3, thenMs: -8000 }, newer: right },
  { what: 'the older one ends with the common GOP', newer: stays(-3000), ends: firstOfNewer + 1 },
  ...anyClocks(),
])('a picture is kept once: $what', async ({ older = right, newer, ends = firstOfNewer + 3 }) => {
  const { archive } = await handOver(older, newer, ends);
  expect(archive).toEqual(everyGop);
});

test.each([
  { what: '8 s ahead, further than it was away', aheadGops: 8 },
  { what: '1.5 s ahead, less than it was away', aheadGops: 1.5 },
])('a host that was lost while its archive was $what leaves as much of a hole as was lost', async ({ aheadGops }) => {
  const { pool: db } = site.database;
  const cameraId = await site.addCamera('rtsp://127.0.0.1/');
  const host = await openHost(site, `after-lost-${aheadGops}`);
  const [lostAtGop, nextAtGop] = [6, 8];
  const { hostId } = hosts.older.deps.spool;
  const baseMs = Date.now() - gops * gopMs;
  await watermarkAt(site, cameraId, baseMs - 60_000);
  const ahead = stays(aheadGops * gopMs);
  const first = await takeEpoch(db, cameraId, { hostId, sessionId: null });
  await markRecording(db, cameraId, first, { frameMs: baseMs + ahead.offMs, keySha256: source.keys[0] ?? null });
  const camera = { id: cameraId, baseMs };
  const olds = await recordingOf(source, hosts.older, { ...camera, epoch: first }, { from: 0, to: lostAtGop }, ahead);
  for (const { file } of olds) hosts.older.committer.add(file);
  await waitFor('older footage', async () => (await site.segments(cameraId)).length === olds.length);
  await noteArchiveLead(db, cameraId, first, ahead.offMs);
  const frameMs = baseMs + nextAtGop * gopMs;
  await upsertRecorder(db, { hostId, url: 'http://lost', slots: 1, used: 1, seenMs: frameMs - 21_000 });
  onTestFinished(() => Promise.all([host.committer.stop(), db.query(`delete from recorder`)]).then(() => undefined));
  const epoch = await takeEpoch(db, cameraId, { hostId: host.deps.spool.hostId, sessionId: null });
  await markRecording(db, cameraId, epoch, { frameMs, keySha256: source.keys[nextAtGop] ?? null });
  const news = await recordingOf(source, host, { ...camera, epoch }, { from: nextAtGop, to: gops }, right);
  for (const { file } of news) host.committer.add(file);
  expect(await host.committer.flush(60_000)).toBe(true); // waits for no seam
  expect(await archived(cameraId, host)).toEqual(everyGop.filter((gop) => gop < lostAtGop || gop >= nextAtGop));
  const rows = await site.segments(cameraId);
  const holeMs = (rows[olds.length]?.startMs ?? 0) - (rows[olds.length - 1]?.endMs ?? 0);
  expect(Math.abs(holeMs - (nextAtGop - lostAtGop) * gopMs)).toBeLessThan(500);
});

test('killed between moving its first file on and committing it, a host commits the rest behind that', async () => {
  const name = 'killed';
  const host = await openHost(site, name);
  const { archive } = await handOver(right, stays(-12_000), firstOfNewer + 3, {
    host,
    async commit([first]) {
      const { child, exited } = startProcess(site, name, { killAt: 'moved:1' });
      onTestFinished(() => void child.kill('SIGKILL'));
      expect(await exited).toBe('SIGKILL');
      const names = (await closedNames(host, first?.cameraId ?? '')).filter(({ anchor }) => anchor);
      expect(names).toMatchObject([{ recordedMs: first?.name.startMs }]);
      await site.start(name);
    },
  });
  expect(archive).toEqual(everyGop);
});

test('a first file that a version before has moved on, without its turn in its name, is committed first', async () => {
  const { archive } = await handOver(right, stays(-4000), firstOfNewer + 3, {
    host: hosts.newer,
    async commit([first, ...others]) {
      if (first === undefined) throw new Error('no file');
      const { cameraId, name } = first;
      const seamOf = async () => (await leaseOf(site.database.pool, cameraId))?.seam;
      await waitFor('the older one has the common key', async () => (await seamOf())?.epoch === name.epoch);
      const atMs = (await seamOf())?.atMs ?? 0;
      const moved = { ...name, startMs: atMs };
      const target = path.join(path.dirname(first.path), segmentFileName(moved));
      await rename(first.path, target);
      const salvaged = [...others, { cameraId, path: target, name: moved }];
      for (const file of salvaged.toSorted((a, b) => a.name.startMs - b.name.startMs)) hosts.newer.committer.add(file);
    },
  });
  expect(archive).toEqual(everyGop);
});

test.each([
  { what: 'over the older one', behindMs: 12_000, made: 1 },
  { what: 'over its own', behindMs: 4000, made: 3 },
])('finals made meanwhile cover nothing of what is recorded later: $what', async ({ behindMs, made }) => {
  const { committer } = hosts.newer;
  const { archive } = await handOver(right, stays(-behindMs), firstOfNewer + 3, {
    host: hosts.newer,
    async commit(files) {
      const cameraId = files[0]?.cameraId ?? '';
      const left = async () => (await closedNames(hosts.newer, cameraId)).length;
      for (const file of files.slice(0, made)) committer.add(file);
      await waitFor('the first ones', async () => (await left()) === files.length - made);
      await makeFinals(site, cameraId);
      for (const file of files.slice(made)) committer.add(file);
    },
  });
  expect(archive).toEqual(everyGop);
});

test('a row that is longer than its pictures, since a clock was ahead, can be made again of its object', async () => {
  const { cameraId, archive } = await handOver(right, stays(20_000), firstOfNewer + 3, {
    host: hosts.newer,
    async commit(files) {
      const { cameraId: id = '', name } = files[0] ?? {};
      const seamOf = async () => (await leaseOf(site.database.pool, id))?.seam;
      await waitFor('the older one has the common key', async () => (await seamOf())?.epoch === name?.epoch);
      for (const file of files) hosts.newer.committer.add(file);
    },
  });
  expect(archive).toEqual(everyGop);
  const { name, file } = await firstStored(hosts.newer, cameraId);
  const { durationMs } = name;
  expect(durationMs).toBeGreaterThan(20_000);
  expect(await readStoredSegment(name, file, null)).toMatchObject({ segment: { durationMs } });
});

test.each([0, -2200])('what a kill left of a committed file is no later footage: %i ms behind', async (offMs) => {
  const { cameraId } = await handOver(right, stays(offMs), firstOfNewer + 3);
  const { deps } = hosts.newer;
  for (const { name: lingering, path: from } of await deps.spool.lingeringFiles(cameraId)) {
    const name = parseSegmentFileName(lingering)?.name;
    if (name === undefined) throw new Error(`not a lingering file: ${lingering}`);
    const again = path.join(deps.spool.dir, 'closed', cameraId, segmentFileName(name));
    await rename(from, again); // killed between insert and linger
    const file = { cameraId, path: again, name };
    expect(await commitFile(deps, file)).toEqual({ kind: 'already' });
    await rename(from, again);
    await site.database.pool.query(
      `update segment set variant = 1, sha256 = sha256(sha256)
       where start_at = $2 and camera_id = (select id from camera where public_id = $1)`,
      [cameraId, new Date(name.startMs)],
    );
    expect(await commitFile(deps, file)).toEqual({ kind: 'covered' });
  }
});

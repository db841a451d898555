import { rename } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { leaseOf, markRecording, takeEpoch } from '../../db/leases.ts';
import { keySampleSha256 } from '../../media/key-sample.ts';
import { readIndex } from '../../media/mp4-index.ts';
import { commitFile } from '../../recorder/commit.ts';
import type { ClosedFile } from '../../recorder/run-files.ts';
import { parseSegmentFileName, segmentFileName } from '../../recorder/segment-name.ts';
import { waitFor } from '../support/wait-for.ts';
import {
  closedNames,
  gopMs,
  gops,
  makeGopSource,
  openHost,
  recordingOf,
  type ClockedHost,
  type GopSource,
  type HostClock,
} from './clocked-host.ts';
import { createSite, type Site } from './host.ts';

/** The key that the newer recording begins with. */
const firstOfNewer = 5;

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
async function archived(cameraId: string): Promise<number[]> {
  const files: { startMs: number; sha256: string; path: string }[] = [];
  for (const { deps } of [hosts.older, hosts.newer]) {
    for (const { name, path: file } of await deps.spool.lingeringFiles(cameraId)) {
      const parsed = parseSegmentFileName(name);
      if (parsed?.sha256 == null) throw new Error(`not a lingering file: ${name}`);
      files.push({ startMs: parsed.name.startMs, sha256: parsed.sha256, path: file });
    }
  }
  files.sort((a, b) => a.startMs - b.startMs);
  expect(files.map(({ sha256 }) => sha256)).toEqual((await site.segments(cameraId)).map(({ sha256 }) => sha256));
  const found: number[] = [];
  for (const { path: file } of files) {
    const { fragments } = await readIndex(file);
    for (const fragment of fragments) found.push(source.keys.indexOf(await keySampleSha256(file, fragment)));
  }
  return found;
}

/** As the committer does, once a file is no longer kept back. @returns what became of its last part */
async function commitToTheEnd(host: ClockedHost, file: ClosedFile): Promise<string> {
  const outcome = await commitFile(host.deps, { ...file, held: { for: 'footage', untilMs: 0 } });
  if (outcome.kind !== 'cut') return outcome.kind;
  let last = '';
  for (const part of outcome.parts) last = await commitToTheEnd(host, part);
  return last;
}

/** Two recordings of one stream, and what comes of them. */
async function handOver(
  older: HostClock,
  newer: HostClock,
  olderEndsAtGop: number,
): Promise<{ cameraId: string; archive: number[] }> {
  const { pool: db } = site.database;
  const cameraId = await site.addCamera('rtsp://127.0.0.1/');
  const baseMs = Date.now() - (firstOfNewer + 2) * gopMs;
  await db.query(
    `update camera_lease set last_end_at = $2 where camera_id = (select id from camera where public_id = $1)`,
    [cameraId, new Date(baseMs - 60_000)],
  );
  const take = (host: ClockedHost) => takeEpoch(db, cameraId, { hostId: host.deps.spool.hostId, sessionId: null });
  const first = await take(hosts.older);
  await markRecording(db, cameraId, first, { frameMs: baseMs + older.offMs, keySha256: source.keys[0] ?? null });
  const camera = { id: cameraId, baseMs, epoch: first };
  const olds = await recordingOf(source, hosts.older, camera, { from: 0, to: olderEndsAtGop }, older);
  const early = olds.filter(({ closesAtGop }) => closesAtGop <= firstOfNewer);
  for (const { file } of early) hosts.older.committer.add(file);
  await waitFor('older footage', async () => (await site.segments(cameraId)).length === early.length);

  const epoch = await take(hosts.newer);
  const frameMs = baseMs + firstOfNewer * gopMs + newer.offMs;
  await markRecording(db, cameraId, epoch, { frameMs, keySha256: source.keys[firstOfNewer] ?? null });
  const news = await recordingOf(source, hosts.newer, { ...camera, epoch }, { from: firstOfNewer, to: gops }, newer);
  for (const { file } of olds.slice(early.length)) hosts.older.committer.add(file);
  for (const { file } of news) hosts.newer.committer.add(file);

  const left = async () => (await closedNames(hosts.newer, cameraId)).length;
  await waitFor('the newer footage is committed', async () => (await left()) === 0);
  await waitFor('the older one has nothing left before the seam', async () => {
    const seam = (await leaseOf(db, cameraId))?.seam;
    const starts = await closedNames(hosts.older, cameraId);
    return seam?.epoch === epoch && starts.every(({ startMs }) => startMs >= seam.atMs);
  });
  // What the older one has beyond the common key.
  for (const name of await closedNames(hosts.older, cameraId)) {
    const file = path.join(hosts.older.deps.spool.dir, 'closed', cameraId, segmentFileName(name));
    expect(await commitToTheEnd(hosts.older, { cameraId, path: file, name })).toBe('covered');
  }
  return { cameraId, archive: await archived(cameraId) };
}

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
  expect(archive).toEqual(Array.from({ length: gops }, (_, gop) => gop));
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

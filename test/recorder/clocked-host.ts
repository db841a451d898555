import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'vitest';
import { anchorClock, placeSegment } from '../../domain/wall-clock.ts';
import { keySampleSha256 } from '../../media/key-sample.ts';
import { cutFile } from '../../media/mp4-cut.ts';
import { readIndex, type SegmentIndex } from '../../media/mp4-index.ts';
import { createCameraIds } from '../../recorder/camera-ids.ts';
import { commitFile, type CommitDeps, type CommitOutcome } from '../../recorder/commit.ts';
import { createCommitter, type Committer } from '../../recorder/committer.ts';
import { noFailpoint } from '../../recorder/failpoint.ts';
import { createQuarantine } from '../../recorder/quarantine.ts';
import type { ClosedFile } from '../../recorder/run-files.ts';
import { parseSegmentFileName, segmentFileName, type SegmentName } from '../../recorder/segment-name.ts';
import { openSpool, type Spool } from '../../storage/spool.ts';
import { makeSource, record } from '../media/footage.ts';
import type { Site } from './host.ts';

export const gops = 16;
export const gopMs = 1000;
const gopsInFile = 2;

/** A stream of `gops` GOPs in one file, a fragment each, and the SHA-256 of their keys. */
export interface GopSource {
  path: string;
  index: SegmentIndex;
  keys: string[];
}

/** @param dir made for it */
export async function makeGopSource(dir: string): Promise<GopSource> {
  await mkdir(dir);
  await makeSource(path.join(dir, 'source.mkv'), { seconds: gops, fps: 5, gop: 5 });
  const [file = ''] = await record(path.join(dir, 'source.mkv'), { dir, segmentSeconds: 600 });
  const index = await readIndex(file);
  expect(index.fragments.filter(({ key }) => key)).toHaveLength(gops);
  expect(index.fragments).toHaveLength(gops);
  const keys = await Promise.all(index.fragments.map((fragment) => keySampleSha256(file, fragment)));
  return { path: file, index, keys };
}

/** A host that commits what its own clock has placed. */
export interface ClockedHost {
  deps: CommitDeps;
  committer: Committer;
}

export async function openHost(site: Site, name: string): Promise<ClockedHost> {
  const { pool: db } = site.database;
  const { objects, log } = site;
  const spool = await openSpool({ dir: path.join(site.dir, name), maxBytes: 1e9 });
  const deps: CommitDeps = {
    db,
    spool,
    objects,
    cameraIds: createCameraIds(db),
    quarantine: createQuarantine({ spoolDir: spool.dir, now: Date.now }),
    limits: { maxDurationMs: 600_000 },
    windowMs: 600_000,
    // What the newer recording has all of is looked at once that is committed, however long it takes.
    handoverHoldMs: 600_000,
    log,
    now: Date.now,
    failpoint: noFailpoint,
  };
  const committer = createCommitter({
    commit: (file) => commitFile(deps, file),
    onDone: () => undefined,
    log,
    now: Date.now,
  });
  return { deps, committer };
}

/** What a host's clock is off by while it sees these GOPs: by `offMs` up to `untilGop`, and by `thenMs` from there on. */
export interface HostClock {
  offMs: number;
  untilGop: number;
  thenMs: number;
}

/** The files of a recording of `[from, to)`, in order and at the places that the recorder gives them. */
export async function recordingOf(
  source: GopSource,
  host: ClockedHost,
  camera: { id: string; baseMs: number; epoch: number },
  range: { from: number; to: number },
  clockOf: HostClock,
): Promise<{ file: ClosedFile; closesAtGop: number }[]> {
  const seenMs = (gop: number): number =>
    camera.baseMs + gop * gopMs + (gop < clockOf.untilGop ? clockOf.offMs : clockOf.thenMs);
  let clock = anchorClock(seenMs(range.from), range.from * gopMs, null);
  const folder = path.join(host.deps.spool.dir, 'closed', camera.id);
  await mkdir(folder, { recursive: true });
  const files: { file: ClosedFile; closesAtGop: number }[] = [];
  for (let from = range.from; from < range.to; from += gopsInFile) {
    const to = Math.min(from + gopsInFile, range.to);
    const placed = placeSegment(
      clock,
      {
        mediaStartMs: from * gopMs,
        mediaEndMs: to * gopMs,
        arrivalMs: seenMs(to),
        pace: { elapsedMs: (to - from) * gopMs, aheadMs: 0 },
      },
      null,
    );
    ({ clock } = placed);
    const name = {
      startMs: placed.startMs,
      durationMs: placed.durationMs,
      epoch: camera.epoch,
      anchor: from === range.from,
    };
    const target = path.join(folder, segmentFileName(name));
    await cutFile(source.path, source.index, { from, to }, target);
    files.push({ file: { cameraId: camera.id, path: target, name }, closesAtGop: to });
  }
  return files;
}

export async function closedNames(host: ClockedHost, cameraId: string): Promise<SegmentName[]> {
  return (await host.deps.spool.closedFiles(cameraId)).map(({ name }) => {
    const parsed = parseSegmentFileName(name);
    if (parsed === null) throw new Error(`not a closed file: ${name}`);
    return parsed.name;
  });
}

/** As the committer does, once a file is no longer kept back. @returns what became of its last part */
export async function commitToTheEnd(host: ClockedHost, file: ClosedFile): Promise<CommitOutcome> {
  const outcome = await commitFile(host.deps, { ...file, held: { for: 'footage', untilMs: 0 } });
  if (outcome.kind !== 'cut') return outcome;
  let last: CommitOutcome = outcome;
  for (const part of outcome.parts) last = await commitToTheEnd(host, part);
  return last;
}

/** What a host has in quarantine of a camera, without the reasons. */
export async function quarantined(spool: Spool, cameraId: string): Promise<string[]> {
  const folder = path.join(spool.dir, 'quarantine', cameraId);
  const names = await readdir(folder).catch(() => []); // made with the first file
  return names.filter((name) => name.endsWith('.mp4')).toSorted();
}

/** Where the camera's footage ends before that of the test. */
export async function watermarkAt(site: Site, cameraId: string, atMs: number): Promise<void> {
  await site.database.pool.query(
    `update camera_lease set last_end_at = $2 where camera_id = (select id from camera where public_id = $1)`,
    [cameraId, new Date(atMs)],
  );
}

/** The GOPs of the archive in the order of its rows, as the hosts' lingering files have them. */
export async function archivedGops(
  site: Site,
  source: GopSource,
  { cameraId, hosts }: { cameraId: string; hosts: readonly ClockedHost[] },
): Promise<number[]> {
  const files: { startMs: number; path: string }[] = [];
  for (const { deps } of hosts) {
    for (const { name, path: file } of await deps.spool.lingeringFiles(cameraId)) {
      const parsed = parseSegmentFileName(name);
      if (parsed?.sha256 == null) throw new Error(`not a lingering file: ${name}`);
      files.push({ startMs: parsed.name.startMs, path: file });
    }
  }
  files.sort((a, b) => a.startMs - b.startMs);
  // A row that became a final has another hash.
  expect(files.map(({ startMs }) => startMs)).toEqual((await site.segments(cameraId)).map(({ startMs }) => startMs));
  const found: number[] = [];
  for (const { path: file } of files) {
    const { fragments } = await readIndex(file);
    for (const fragment of fragments) found.push(source.keys.indexOf(await keySampleSha256(file, fragment)));
  }
  return found;
}

/** What finish jobs leave of the catalogued rows, for a look at them. */
export async function makeFinals(site: Site, cameraId: string): Promise<void> {
  await site.database.pool.query(
    `update segment set variant = 1, sha256 = sha256(sha256)
     where camera_id = (select id from camera where public_id = $1)`,
    [cameraId],
  );
}

/** A host's first file of a camera, as it was stored, and the name of its object. */
export async function firstStored(host: ClockedHost, cameraId: string) {
  const [file] = await host.deps.spool.lingeringFiles(cameraId);
  const parsed = parseSegmentFileName(file?.name ?? '');
  if (file === undefined || parsed?.sha256 == null) throw new Error('no lingering file');
  const { name, sha256 } = parsed;
  return {
    name: { ...name, tenantId: '', cameraId, variant: 0, sha256: sha256.slice(0, 16) },
    file: { path: file.path, bytes: file.bytes, sha256 },
  };
}

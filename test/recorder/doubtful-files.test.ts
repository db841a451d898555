import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { claimsBetween, closeGap } from '../../db/gaps.ts';
import { leaseOf } from '../../db/leases.ts';
import { commitFile, type CommitOutcome } from '../../recorder/commit.ts';
import { createGapClaims } from '../../recorder/gap-claims.ts';
import { createHoleReasons } from '../../recorder/hole-reasons.ts';
import type { ClosedFile } from '../../recorder/run-files.ts';
import { createWriteQueue } from '../../recorder/write-queue.ts';
import { cutOff, zeroEnd } from '../support/spoilt-file.ts';
import {
  closedNames,
  gopMs,
  makeGopSource,
  openHost,
  quarantined,
  recordingOf,
  type ClockedHost,
  type GopSource,
} from './clocked-host.ts';
import { createSite, type Site } from './host.ts';

let site: Site;
let source: GopSource;
let host: ClockedHost;
beforeAll(async () => {
  site = await createSite();
  source = await makeGopSource(path.join(site.dir, 'source'));
  host = await openHost(site, 'host');
});
afterAll(async () => {
  await host?.committer.stop();
  await site?.close();
});

/** Two closed files of two GOPs each, of a camera that is there unless it is given. */
async function closedFiles(unknownId?: string): Promise<[ClosedFile, ClosedFile]> {
  const id = unknownId ?? (await site.addCamera('rtsp://127.0.0.1:1/'));
  const baseMs = (await leaseOf(site.database.pool, id))?.lastEndMs ?? Date.now();
  const camera = { id, baseMs, epoch: 0 };
  const clock = { offMs: 0, untilGop: 0, thenMs: 0 };
  const [one, two] = await recordingOf(source, host, camera, { from: 0, to: 4 }, clock);
  if (one === undefined || two === undefined) throw new Error('two files were wanted');
  return [one.file, two.file];
}

/** What the recorder says of a hole that a file leaves. */
async function settle(file: ClosedFile, outcome: CommitOutcome): Promise<void> {
  const { db, log, spool } = host.deps;
  const queue = createWriteQueue({ log });
  const holes = createHoleReasons(({ cameraId, name }) =>
    createGapClaims({ db, queue, cameraId, hostId: spool.hostId, epoch: () => name.epoch, onFailed: () => undefined }),
  );
  holes.settled(file, outcome);
  await queue.flush(10_000);
  queue.stop();
}

test.each([zeroEnd, cutOff])(
  '%o: a damaged file is stored as far as it is whole, and its row says so',
  async (spoil) => {
    const [file, next] = await closedFiles();
    const { cameraId, name } = file;
    await spoil(file.path);
    const spoilt = await readFile(file.path);
    const outcome = await commitFile(host.deps, file);
    if (outcome.kind !== 'cut') throw new Error(`not cut but ${outcome.kind}`);
    expect(outcome.lost).toMatchObject({ startMs: name.startMs + gopMs, endMs: name.startMs + 2 * gopMs });
    expect(await closedNames(host, cameraId)).toEqual([{ ...name, durationMs: gopMs }, next.name]);
    const [part] = outcome.parts;
    if (part === undefined) throw new Error('a part was wanted');
    expect(await commitFile(host.deps, part)).toMatchObject({ kind: 'committed' });
    expect(await site.segments(cameraId)).toMatchObject([{ startMs: name.startMs, durationMs: gopMs }]);
    expect(await commitFile(host.deps, next)).toMatchObject({ kind: 'committed' });
    await closeGap(site.database.pool, cameraId, name.startMs); // a new camera's, by its first frame
    await settle(file, outcome);
    const claims = await claimsBetween(site.database.pool, cameraId, name.startMs, next.name.startMs);
    const gap = claims.find(({ reason }) => reason === 'storage-down');
    expect(gap).toMatchObject({ startMs: name.startMs + gopMs, endMs: next.name.startMs });
    expect(gap?.evidence.lastError).toMatch(/^A file of the spool: /);
    const [kept = ''] = await quarantined(host.deps.spool, cameraId);
    expect(await readFile(path.join(host.deps.spool.dir, 'quarantine', cameraId, kept))).toEqual(spoilt);
  },
);

test('a catalogue of another version keeps a file from being committed, and nothing is put aside', async () => {
  const [file] = await closedFiles();
  const { pool } = site.database;
  await pool.query(`alter table segment rename to segment_of_another_version`);
  try {
    await expect(commitFile(host.deps, file)).rejects.toThrow(/relation "segment" does not exist/);
  } finally {
    await pool.query(`alter table segment_of_another_version rename to segment`);
  }
  expect(await commitFile(host.deps, file)).toMatchObject({ kind: 'committed' });
  expect(await quarantined(host.deps.spool, file.cameraId)).toEqual([]);
});

test('footage of a camera that the catalogue does not have waits for a day, then it is put aside', async () => {
  const [file] = await closedFiles(randomUUID());
  await expect(commitFile(host.deps, file)).rejects.toThrow(/has no camera/);
  expect(await closedNames(host, file.cameraId)).toHaveLength(2);
  const tomorrow = { ...host.deps, now: () => Date.now() + 86_500_000 };
  expect(await commitFile(tomorrow, file)).toMatchObject({ kind: 'quarantined' });
  expect(await quarantined(host.deps.spool, file.cameraId)).toHaveLength(1);
});

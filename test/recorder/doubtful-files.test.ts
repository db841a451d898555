import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { claimsBetween, closeGap } from '../../db/gaps.ts';
import { leaseOf } from '../../db/leases.ts';
import { dayMs } from '../../domain/retention.ts';
import { commitFile, type CommitOutcome } from '../../recorder/commit.ts';
import { createGapClaims } from '../../recorder/gap-claims.ts';
import { createKeptClaims } from '../../recorder/kept-claims.ts';
import { createHoleReasons } from '../../recorder/hole-reasons.ts';
import { keptFiles } from '../../recorder/kept-files.ts';
import { createQuarantine } from '../../recorder/quarantine.ts';
import { createQuarantineRounds } from '../../recorder/quarantine-rounds.ts';
import type { ClosedFile } from '../../recorder/run-files.ts';
import { segmentFileName } from '../../recorder/segment-name.ts';
import { createWriteQueue } from '../../recorder/write-queue.ts';
import { cutOff, zeroEnd } from '../support/spoilt-file.ts';
import { waitFor } from '../support/wait-for.ts';
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
import { createSite, environmentOf, type Site } from './host.ts';

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
  const made = { db, queue, kept: createKeptClaims(spool.dir, log), hostId: spool.hostId };
  const holes = createHoleReasons(({ cameraId, name }) =>
    createGapClaims({ ...made, cameraId, epoch: () => name.epoch, onFailed: () => undefined }),
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
  // Where the host's clock is years behind, its kernel says that it is there for years.
  const behind = { ...host.deps, now: () => Date.now() + 3 * 365 * dayMs };
  await expect(commitFile(behind, file)).rejects.toThrow(/has no camera/);
  const hostNow = Date.now;
  onTestFinished(() => {
    Date.now = hostNow;
  });
  Date.now = () => hostNow() + 1.1 * dayMs;
  expect(await commitFile({ ...host.deps, now: Date.now }, file)).toMatchObject({ kind: 'quarantined' });
  expect(await quarantined(host.deps.spool, file.cameraId)).toHaveLength(1);
});

/** The command as an operator runs it. */
async function spoolCommand(name: string, args: readonly string[]): Promise<string> {
  const { PATH, HOME } = process.env;
  const environment = { PATH, HOME, ...environmentOf({ ...site, name, databaseUrl: site.database.url }) };
  const command = ['--import', 'tsx', 'scripts/spool.ts', ...args];
  const { stdout } = await promisify(execFile)(process.execPath, command, { env: environment });
  return stdout;
}

test('what is in quarantine is listed, and judged again when that is asked for', async () => {
  const name = 'again';
  const keeper = await openHost(site, name);
  onTestFinished(() => keeper.committer.stop());
  const { spool: its, quarantine } = keeper.deps;
  const id = await site.addCamera('rtsp://127.0.0.1:1/');
  const camera = { id, baseMs: (await leaseOf(site.database.pool, id))?.lastEndMs ?? Date.now(), epoch: 0 };
  const clock = { offMs: 0, untilGop: 0, thenMs: 0 };
  const files = await recordingOf(source, keeper, camera, { from: 0, to: 4 }, clock);
  for (const { file } of files) await quarantine(id, file.path, 'for a test');
  const keptAt = (file: string): string => path.join(its.dir, 'quarantine', id, file);
  const [first = '', second = ''] = await quarantined(its, id);
  const listed = await spoolCommand(name, ['list']);
  expect(listed).toContain(`${id}  ${new Date(camera.baseMs).toISOString()}  2.0 s  `);
  expect(listed).toContain(`${keptAt(first)}\n    for a test\n`);
  expect(listed).toMatch(/\n2 files\n$/);
  await spoolCommand(name, ['retry', keptAt(first)]);

  // Its recorder finds what was asked for when it starts, and while it runs.
  const recorder = await site.start(name);
  await waitFor('the first file', async () => (await site.segments(id)).length === 1);
  expect(await readdir(path.dirname(keptAt(first)))).toEqual([second, `${second}.reason.txt`]);
  await waitFor('what is left is counted', async () => recorder.stats().quarantine.files === 1);
  // Other pictures of the first one's time.
  const shifted = { ...camera, epoch: 1, baseMs: camera.baseMs - 8 * gopMs };
  const [other] = await recordingOf(source, keeper, shifted, { from: 8, to: 10 }, clock);
  await quarantine(id, other?.file.path ?? '', 'for a test');
  expect(await spoolCommand(name, ['retry'])).toContain('2 files are judged again');
  const commits = () => recorder.stats().commits;
  await waitFor('all of it is judged', async () => commits().covered === 1 && commits().committed === 2);
  const keptOther = `${id}-${path.basename(other?.file.path ?? '')}`;
  expect(await quarantined(its, id)).toEqual([keptOther]);
  expect(await readFile(`${keptAt(keptOther)}.reason.txt`, 'utf8')).toContain('(epochs 0)');
}, 120_000);

test('what is older than its camera’s retention goes from quarantine, by the last sweep, and not where it is held', async () => {
  const { pool: db } = site.database;
  const spoolDir = path.join(site.dir, 'aged');
  const nowMs = Date.now();
  const [aged, held, unknown] = [await site.addCamera('rtsp://c/'), await site.addCamera('rtsp://c/'), randomUUID()];
  const put = async (cameraId: string, days: number): Promise<string> => {
    const name = segmentFileName({ startMs: nowMs - days * dayMs, durationMs: 2000, epoch: 0, anchor: true });
    const file = path.join(spoolDir, 'closed', cameraId, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, 'footage');
    await createQuarantine({ spoolDir, now: Date.now })(cameraId, file, 'for a test');
    return path.join(spoolDir, 'quarantine', cameraId, `${cameraId}-${name}`);
  };
  const old = await put(aged, 31);
  const stay = [await put(aged, 29), await put(held, 31), await put(unknown, 31)];
  await db.query(
    `insert into hold (camera_id, start_at, end_at, reason, placed_by, placed_at)
     select id, $2, $3, 'a test', 'a test', now() from camera where public_id = $1`,
    [held, new Date(nowMs - 40 * dayMs), new Date(nowMs)],
  );
  const look = () =>
    createQuarantineRounds({ db, spoolDir, onBack: () => undefined, log: site.log, now: Date.now }).look();
  const left = async () => new Set((await keptFiles(spoolDir)).map((kept) => kept.path));
  await look();
  expect(await left()).toEqual(new Set([old, ...stay]));
  await db.query(`update retention_sweep set swept_at = now()`);
  await look();
  expect(await left()).toEqual(new Set(stay));
});

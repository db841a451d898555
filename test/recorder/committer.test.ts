import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../../log.ts';
import type { CommitOutcome } from '../../recorder/commit.ts';
import { createCommitter, type Committer } from '../../recorder/committer.ts';
import type { ClosedFile } from '../../recorder/run-files.ts';
import { leaseOf } from '../../db/leases.ts';
import { commitFile } from '../../recorder/commit.ts';
import { closedNames, makeGopSource, openHost, recordingOf } from './clocked-host.ts';
import { waitFor } from '../support/wait-for.ts';
import { createSite } from './host.ts';

const log = createLogger({ level: 'silent', name: 'test' });

function fileAt(startMs: number): ClosedFile {
  const name = { startMs, durationMs: 2000, epoch: 2, anchor: false };
  return { cameraId: 'camera', path: `/nowhere/${startMs}.mp4`, name };
}

test('a file that was moved on keeps its turn before what was recorded after it', async () => {
  const committed: number[] = [];
  let isLate = false;
  const commit = async (file: ClosedFile): Promise<CommitOutcome> => {
    const { startMs } = file.name;
    if (startMs === 1000) return { kind: 'cut', parts: [fileAt(21_000), fileAt(22_000)] };
    if (startMs === 21_000 && !isLate) {
      isLate = true;
      committer.add(fileAt(3000)); // closed while the one moved on waits
      return { kind: 'held', hold: { for: 'seam', untilMs: 0, giveUpMs: 0 } };
    }
    committed.push(startMs);
    return { kind: 'committed', hole: null };
  };
  const committer: Committer = createCommitter({ commit, onDone: () => undefined, log, now: Date.now });
  committer.add(fileAt(1000));
  committer.add(fileAt(5000));
  expect(await committer.flush(10_000)).toBe(true);
  await committer.stop();
  expect(committed).toEqual([21_000, 22_000, 3000, 5000]);
});

test('a hold lasts as long as it was asked for, though the clock is set back by a year meanwhile', async () => {
  let aheadMs = 365 * 86_400_000;
  const now = (): number => Date.now() + aheadMs;
  let tries = 0;
  const commit = async ({ name, held }: ClosedFile): Promise<CommitOutcome> => {
    if (name.startMs === 1000 && (tries += 1) === 1) {
      return { kind: 'held', hold: { for: 'seam', untilMs: now() + 100, giveUpMs: now() + 1000 } };
    }
    // One that was recorded a year ahead finds each time that its wait is not over.
    if (name.startMs === 5000 && !(held?.for === 'seam' && held.giveUpMs === 0)) {
      const yearMs = now() + 365 * 86_400_000;
      return { kind: 'held', hold: { for: 'seam', untilMs: yearMs, giveUpMs: yearMs } };
    }
    return { kind: 'committed', hole: null };
  };
  const done: number[] = [];
  const onDone = ({ name }: ClosedFile): void => void done.push(name.startMs);
  const committer = createCommitter({ commit, onDone, log, now, longestHoldMs: 300 });
  committer.add(fileAt(1000));
  await waitFor('a hold', async () => tries === 1);
  aheadMs = 0;
  committer.add(fileAt(5000));
  await waitFor('both', async () => done.length === 2);
  expect(done).toEqual([1000, 5000]);
  await committer.stop();
});

test('why commits fail is known while they do, by the camera for which they do longest', async () => {
  let broken: Error | null = Object.assign(new Error('no write at https://key:secret@store/'), {
    code: 'AccessDenied',
  });
  let nowMs = 5000;
  const commit = async ({ cameraId }: ClosedFile): Promise<CommitOutcome> => {
    if (broken !== null && cameraId !== 'sound') throw broken;
    return { kind: 'committed', hole: null };
  };
  const committer = createCommitter({ commit, onDone: () => undefined, log, now: () => nowMs });
  committer.add(fileAt(1000));
  await waitFor('a failure', async () => committer.counts().failures > 0);
  nowMs = 9000;
  committer.add({ ...fileAt(1000), cameraId: 'later' });
  committer.add({ ...fileAt(1000), cameraId: 'sound' });
  await waitFor('more of them', async () => committer.counts().failures > 3 && committer.counts().committed === 1);
  expect(committer.failing()).toEqual({ text: 'AccessDenied: no write at https://store/', sinceMs: 5000 });
  broken = null;
  await waitFor('all', async () => committer.counts().committed === 3);
  expect(committer.failing()).toBeNull();
  await committer.stop();
});

test.each(['purging', 'purged'])('a file of a camera that is %s is dropped, and never stored', async (status) => {
  const site = await createSite();
  onTestFinished(() => site.close());
  const source = await makeGopSource(path.join(site.dir, 'source'));
  const host = await openHost(site, 'destroyed');
  onTestFinished(() => host.committer.stop());
  const id = await site.addCamera('rtsp://127.0.0.1:1/');
  const baseMs = (await leaseOf(site.database.pool, id))?.lastEndMs ?? 0;
  const clock = { offMs: 0, untilGop: 0, thenMs: 0 };
  const files = await recordingOf(source, host, { id, baseMs, epoch: 0 }, { from: 0, to: 4 }, clock);
  const [before, after] = files.map(({ file }) => file);
  if (before === undefined || after === undefined) throw new Error('two files were wanted');
  expect(await commitFile(host.deps, before)).toMatchObject({ kind: 'committed' });
  await site.database.pool.query(`update camera set status = $2, intent = 'retired' where public_id = $1`, [
    id,
    status,
  ]);
  expect(await commitFile(host.deps, after)).toEqual({ kind: 'covered' });
  expect(await closedNames(host, id)).toEqual([]);
  let stored = 0;
  for await (const _ of site.objects.list('')) stored += 1;
  expect(stored).toBe(1);
});

test('what became of files is counted by what it was; a part of a file and a file kept back are no end of it', async () => {
  const kinds = new Map<number, CommitOutcome>([
    [1000, { kind: 'cut', parts: [fileAt(2000)] }],
    [2000, { kind: 'committed', hole: null }],
    [3000, { kind: 'covered' }],
    [4000, { kind: 'unreadable' }],
    [5000, { kind: 'gone' }],
    [6000, { kind: 'already' }],
  ]);
  const commit = async ({ name }: ClosedFile): Promise<CommitOutcome> => {
    const outcome = kinds.get(name.startMs);
    if (outcome === undefined) throw new Error('no such file');
    return outcome;
  };
  const committer = createCommitter({ commit, onDone: () => undefined, log, now: Date.now });
  for (const startMs of [1000, 3000, 4000, 5000, 6000]) committer.add(fileAt(startMs));
  expect(await committer.flush(10_000)).toBe(true);
  await committer.stop();
  expect(committer.counts()).toEqual({
    committed: 1,
    covered: 1,
    quarantined: 0,
    unreadable: 1,
    gone: 1,
    failures: 0,
  });
});

test('what is left at the end is told of, for nobody else will say that it lies there', async () => {
  const commit = (): Promise<CommitOutcome> => Promise.reject(new Error('the store is away'));
  const committer = createCommitter({ commit, onDone: () => undefined, log, now: Date.now });
  committer.add(fileAt(1000));
  committer.add(fileAt(3000));
  expect(await committer.flush(100)).toBe(false);
  await committer.stop();
  expect(committer.waiting().map(({ file }) => file.name.startMs)).toEqual([1000, 3000]);
});

import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { claimsBetween, closeGap, openGap } from '../../db/gaps.ts';
import { markRecording, takeEpoch } from '../../db/leases.ts';
import { createPool, type Pool } from '../../db/sql.ts';
import { createLogger } from '../../log.ts';
import { createGapClaims, type GapClaims } from '../../recorder/gap-claims.ts';
import { createHoleReasons } from '../../recorder/hole-reasons.ts';
import { createKeptClaims, type KeptClaims } from '../../recorder/kept-claims.ts';
import { createWriteQueue, type WriteQueue } from '../../recorder/write-queue.ts';
import { makeCamera } from '../db/fixtures.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { waitFor } from '../support/wait-for.ts';

const log = createLogger({ level: 'silent', name: 'test' });
const hostId = '00000000-0000-4000-8000-00000000000a';
let database: TestDatabase;
let away: Pool;
let spoolDir: string;
beforeAll(async () => {
  database = await createTestDatabase();
  away = createPool('postgres://nobody@127.0.0.1:1/nothing', { max: 1, applicationName: 'test' });
  spoolDir = await mkdtemp(path.join(tmpdir(), 'framekeep-claims-'));
  await mkdir(path.join(spoolDir, 'claims'));
});
afterAll(async () => {
  await Promise.all([database.drop(), away.end()]);
  await rm(spoolDir, { recursive: true, force: true });
});

interface Process {
  queue: WriteQueue;
  kept: KeptClaims;
  claimsOf: (cameraId: string) => GapClaims;
}

function startProcess(db: Pool): Process {
  const queue = createWriteQueue({ log });
  const kept = createKeptClaims(spoolDir, log);
  const made = { db, queue, kept, hostId, epoch: () => 1, onFailed: () => undefined };
  return { queue, kept, claimsOf: (cameraId) => createGapClaims({ ...made, cameraId }) };
}

const files = (): Promise<string[]> => readdir(path.join(spoolDir, 'claims'));

async function recorded(): Promise<{ id: string; t: number }> {
  const { id, createdAtMs } = await makeCamera(database.pool);
  await takeEpoch(database.pool, id, { hostId, sessionId: null });
  await markRecording(database.pool, id, 1, { frameMs: createdAtMs, keySha256: null });
  await closeGap(database.pool, id, createdAtMs);
  return { id, t: createdAtMs };
}

test('what a killed recorder could not tell of past outages is told at its next start', async () => {
  const [quiet, half] = [await recorded(), await recorded()];
  // The first failure of this one was told before the catalogue went away.
  await openGap(database.pool, half.id, { startMs: half.t + 8000, reason: 'auth', evidence: {} }, 1);

  const killed = startProcess(away);
  for (const { id, t } of [quiet, half]) {
    const claims = killed.claimsOf(id);
    claims.failed({ reason: 'auth', detail: '401', atMs: t + 10_000 }, t + 8000);
    claims.recovered(t + 70_000);
    claims.opened('host-lost', Promise.resolve(t + 80_000));
    claims.recovered(t + 90_000);
    claims.hole(t + 100_000, t + 110_000, 'bad-stream', 'no key');
  }
  await waitFor('both are saved', async () => (await files()).length === 2);
  await waitFor('all of it', async () =>
    [...(await startProcess(away).kept.left()).values()].every((left) => left.length === 3),
  );
  killed.queue.stop();

  const next = startProcess(database.pool);
  for (const [id, left] of await next.kept.left()) for (const claim of left) next.claimsOf(id).past(claim);
  await next.queue.flush(20_000);
  for (const { id, t } of [quiet, half]) {
    const told = await claimsBetween(database.pool, id, t + 1, t + 1_000_000);
    expect(told.map(({ startMs, endMs, reason }) => [startMs - t, (endMs ?? 0) - t, reason])).toEqual([
      [8000, 70_000, 'auth'],
      [80_000, 90_000, 'host-lost'],
      [100_000, 110_000, 'bad-stream'],
    ]);
  }
  await waitFor('nothing is kept that was told', async () => (await files()).length === 0);
});

test('a catalogue that is there leaves no files, and a stop saves at once what it did not take', async () => {
  const { id, t } = await recorded();
  const fine = startProcess(database.pool);
  fine.claimsOf(id).failed({ reason: 'closed', detail: 'end', atMs: t + 1000 }, t + 1000);
  fine.claimsOf(id).recovered(t + 5000);
  await fine.queue.flush(20_000);
  await fine.kept.stop();
  expect(await files()).toEqual([]);

  const stopped = startProcess(away);
  stopped.claimsOf(id).hole(t + 9000, t + 10_000, 'storage-down');
  stopped.queue.stop();
  await stopped.kept.stop();
  expect([...(await startProcess(away).kept.left()).keys()]).toEqual([id]);
  await rm(path.join(spoolDir, 'claims', `${id}.json`));
});

test('a restart explains holes before a run of the backlog, whose process was killed, too, and none in the midst of one', () => {
  const told: [number, string][] = [];
  const nothing = (): undefined => undefined;
  const hole: GapClaims['hole'] = (startMs, _endMs, reason) => void told.push([startMs, reason]);
  const holes = createHoleReasons(() => ({
    failed: nothing,
    opened: nothing,
    recovered: nothing,
    past: nothing,
    hole,
  }));
  holes.away('camera', 'host-lost', 100_000);
  const settled = (startMs: number, anchor: boolean) => {
    const name = { startMs, durationMs: 2000, epoch: 1, anchor };
    const outcome = { kind: 'committed' as const, hole: { startMs: startMs - 5000, endMs: startMs } };
    holes.settled({ cameraId: 'camera', path: '/nowhere', name }, outcome);
  };
  // The third begins with what the camera had buffered, and so before it was asked.
  for (const startMs of [50_000, 70_000, 99_000, 120_000]) settled(startMs, startMs !== 70_000);
  expect(told).toEqual([
    [45_000, 'host-lost'],
    [65_000, 'unknown'],
    [94_000, 'host-lost'],
    [115_000, 'unknown'],
  ]);
});

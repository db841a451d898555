import { copyFile, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { finishWindow, type FinishDeps } from '../../activities/finish-window.ts';
import { upsertEncoder } from '../../db/encoders.ts';
import { takeReady } from '../../db/finish-feed.ts';
import { park } from '../../db/finish-windows.ts';
import { pendingBetween } from '../../db/held-windows.ts';
import { createLogger } from '../../log.ts';
import { createCameraIds } from '../../recorder/camera-ids.ts';
import { commitFile, type CommitOutcome } from '../../recorder/commit.ts';
import { noFailpoint } from '../../recorder/failpoint.ts';
import { createFinalOnly, type FinalOnly } from '../../recorder/final-only.ts';
import { createQuarantine } from '../../recorder/quarantine.ts';
import type { ClosedFile } from '../../recorder/run-files.ts';
import { segmentFileName } from '../../recorder/segment-name.ts';
import { openSpool, type Spool } from '../../storage/spool.ts';
import { createFinishSite, t0, type FinishSite, type SiteCamera } from '../activities/finish-site.ts';
import { recordMade } from '../media/footage.ts';
import { waitFor } from '../support/wait-for.ts';

const windowMs = 12_000;
const segmentMs = 4000;
const log = createLogger({ level: 'silent', name: 'test' });
let site: FinishSite;
/** Six files of 4 s: two windows. */
let footage: string[];

beforeAll(async () => {
  site = await createFinishSite();
  footage = await recordMade(site.dir, 'main', { seconds: 24, fps: 25, gop: 50 });
  await site.profile('small', { mode: 'encode', height: 90, fps: 5, bitrateKbps: 100, durable: 'final' });
});
afterAll(() => site.close());

interface Host {
  spool: Spool;
  camera: SiteCamera;
  clock: { nowMs: number };
  /** What was given to the committer. */
  committed: ClosedFile[];
  /** A recorder's part on this spool. */
  open(): FinalOnly;
  /** The files that a salvage finds in the spool. */
  files(): Promise<ClosedFile[]>;
  /** As the committer does. */
  commit(file: ClosedFile): Promise<CommitOutcome>;
  /** Feeds and finishes what this host holds. @returns how many finals were made */
  finish(changes?: Partial<FinishDeps>): Promise<number>;
}

/** A host with a camera of its own that stores the final only, its footage in `closed/`, and an encoder that lives. */
async function createHost(): Promise<Host> {
  const { db, objects } = site.deps;
  const dir = await mkdtemp(join(site.dir, 'spool-'));
  const spool = await openSpool({ dir, maxBytes: 1e9 });
  const { hostId } = spool;
  const camera = await site.addCamera('small');
  await db.query(`update camera_lease set host_id = $2 where camera_id = $1`, [camera.internalId, hostId]);
  // Half a minute after the footage: the first window is complete, and nothing is too late.
  const clock = { nowMs: t0 + 30_000 };
  await upsertEncoder(db, {
    workerId: randomUUID(),
    host: hostId,
    kind: 'x264',
    slots: 1,
    used: 0,
    joinSlots: 4,
    joinUsed: 0,
    ceiling: null,
    ceilingReason: null,
    reason: '',
    spoolHostId: hostId,
    seenMs: clock.nowMs + 3_600_000,
  });
  const folder = join(dir, 'closed', camera.id);
  await mkdir(folder, { recursive: true });
  for (const [i, path] of footage.entries()) {
    const name = { startMs: t0 + i * segmentMs, durationMs: segmentMs, epoch: 1, anchor: i === 0 };
    await copyFile(path, join(folder, segmentFileName(name)));
  }
  const committed: ClosedFile[] = [];
  return {
    spool,
    camera,
    clock,
    committed,
    open: () =>
      createFinalOnly({
        db,
        spool,
        objects,
        cameraIds: createCameraIds(db),
        commit: (file) => committed.push(file),
        isTakeover: () => false,
        windowMs,
        waitMs: 3_600_000,
        lingerMs: 60_000,
        log,
        now: () => clock.nowMs,
      }),
    async files() {
      const names = (await readdir(folder)).toSorted();
      return names.map((name) => {
        const startMs = Number(name.split('-')[0]);
        const isFirst = startMs === t0;
        return {
          cameraId: camera.id,
          path: join(folder, name),
          name: { startMs, durationMs: segmentMs, epoch: 1, anchor: isFirst },
        };
      });
    },
    commit: (file) =>
      commitFile(
        {
          db,
          objects,
          spool,
          cameraIds: createCameraIds(db),
          quarantine: createQuarantine(dir),
          limits: { maxDurationMs: 600_000 },
          handoverHoldMs: 0,
          windowMs,
          log,
          failpoint: noFailpoint,
        },
        file,
      ),
    async finish(changes = {}) {
      const queue = { queue: 'spool', spoolHostId: hostId } as const;
      let finals = 0;
      for (const window of await takeReady(db, { ...queue, nowMs: clock.nowMs, cheap: true, limit: 10 })) {
        const deps = { ...site.deps, spoolDir: spool.dir, ...changes };
        finals += (await finishWindow(deps, { ...window, queue: 'spool' })).finals;
      }
      return finals;
    },
  };
}

/** Gives all files of the spool to it, as a salvage does. */
async function takeUp(host: Host): Promise<FinalOnly> {
  const held = host.open();
  for (const file of await host.files()) held.add(file);
  await waitFor('it holds them', async () => held.held().files === footage.length);
  held.start();
  return held;
}

/** As `takeUp`, of a host that nothing was finished of; waits until its first window may be. */
async function takeUpClosed(host: Host): Promise<FinalOnly> {
  const held = await takeUp(host);
  await waitFor('both windows are noted, the first is closed', async () => {
    const { rows } = await site.deps.db.query<{ spool_closed: boolean }>(
      `select spool_closed from finish_window where camera_id = $1 and spool_host_id is not null order by window_start_at`,
      [host.camera.internalId],
    );
    return rows.map((row) => row.spool_closed).join() === 'true,false';
  });
  return held;
}

const starts = (files: readonly ClosedFile[]): number[] => files.map(({ name }) => name.startMs - t0);
async function stored({ camera }: Host): Promise<[number, number][]> {
  return (await site.rows(camera)).map(({ startMs, durationMs }) => [startMs - t0, durationMs]);
}

test('a recorder that is started again goes on holding what it held, and lets go what has its final', async () => {
  const host = await createHost();
  const before = await takeUpClosed(host);
  const { files, bytes, oldestStartMs } = before.held();
  expect([files, oldestStartMs]).toEqual([6, t0]);
  expect(bytes).toBeGreaterThan(10_000);
  await before.stop();

  const after = await takeUp(host);
  await waitFor('it knows their size', async () => after.held().bytes === bytes);
  expect(after.held()).toEqual({ files, bytes, oldestStartMs });
  expect(await host.finish()).toBe(1); // the second window has no newer footage behind it yet
  expect(await stored(host)).toEqual([[0, 12_000]]);
  await waitFor('it is seen', async () => after.held().files === 3);
  expect(after.held().oldestStartMs).toBe(t0 + windowMs);
  expect((await host.files()).length).toBe(6); // until the second look
  await after.stop();

  // Restarted between the final and the second look.
  const last = await takeUp(host);
  await waitFor('it is seen again', async () => last.held().files === 3);
  host.clock.nowMs += 61_000;
  await waitFor('the first window is gone', async () => (await host.files()).length === 3);
  expect(starts(await host.files())).toEqual([12_000, 16_000, 20_000]);
  expect(host.committed).toEqual([]);
  await last.stop();
});

test('a spool that fills gives what has its final up first, then the older half, as recorded', async () => {
  const host = await createHost();
  const held = await takeUpClosed(host);
  expect(await host.finish()).toBe(1);
  await waitFor('the final is seen', async () => held.held().files === 3);
  await held.makeRoom();
  expect((await host.files()).length).toBe(3); // without a wait for the second look: it is had now
  expect(starts(host.committed)).toEqual([12_000, 16_000, 20_000]); // one window: the older half is it
  expect(held.held()).toEqual({ files: 0, bytes: 0, oldestStartMs: null });
  expect(await pendingBetween(site.deps.db, host.camera.id, t0, t0 + 60_000)).toEqual([]);
  await held.stop();
});

test('of two windows without a final the older is given up, the newer goes on', async () => {
  const host = await createHost();
  const held = await takeUpClosed(host);
  await held.makeRoom();
  expect(starts(host.committed)).toEqual([0, 4000, 8000]);
  expect(held.held()).toMatchObject({ files: 3, oldestStartMs: t0 + windowMs });
  // No encoder takes what is being committed.
  expect(await host.finish()).toBe(0);
  await held.stop();
});

test('a final that the store has lost by the second look is made again of its sources', async () => {
  const host = await createHost();
  const held = await takeUpClosed(host);
  expect(await host.finish()).toBe(1);
  const [final] = await site.rows(host.camera);
  if (final === undefined) throw new Error('no final');
  await waitFor('the final is seen', async () => held.held().files === 3);
  await site.objects.remove([site.keyOf(host.camera, final)]);
  host.clock.nowMs += 61_000;
  await waitFor('its sources are given to the committer', async () => host.committed.length === 3);
  expect(starts(host.committed)).toEqual([0, 4000, 8000]);
  expect(await stored(host)).toEqual([]);
  // The committer's part, and the ordinary way of what it stores.
  for (const file of host.committed) expect(await host.commit(file)).toMatchObject({ kind: 'committed' });
  // Windows of the other tests' cameras have nothing to be finished.
  expect((await site.finishAll()).filter(({ finals }) => finals > 0).length).toBe(1);
  expect(await stored(host)).toEqual([[0, 12_000]]);
  await held.stop();
});

test('of a lost final whose sources are not all here any more they stay, and the row says what was', async () => {
  const host = await createHost();
  const [first] = await host.files();
  const held = await takeUpClosed(host);
  expect(await host.finish()).toBe(1);
  await waitFor('the final is seen', async () => held.held().files === 3);
  await held.stop();
  if (first !== undefined) await host.spool.remove(first.path);
  const [final] = await site.rows(host.camera);
  if (final === undefined) throw new Error('no final');
  await site.objects.remove([site.keyOf(host.camera, final)]);
  const again = host.open();
  for (const file of await host.files()) again.add(file);
  await waitFor('it holds them', async () => again.held().files === 5);
  again.start();
  await waitFor('the final is seen', async () => again.held().files === 3);
  await again.makeRoom();
  expect(await stored(host)).toEqual([[0, 12_000]]);
  expect(starts(await host.files())).toContain(4000);
  expect(starts(host.committed)).not.toContain(4000);
  await again.stop();
});

test('a host that is emptied gives all up, and holds nothing from then on', async () => {
  const host = await createHost();
  const held = await takeUpClosed(host);
  await held.release();
  expect(starts(host.committed)).toEqual([0, 4000, 8000, 12_000, 16_000, 20_000]);
  expect(held.held().files).toBe(0);
  expect(await pendingBetween(site.deps.db, host.camera.id, t0, t0 + 60_000)).toEqual([]);
  const [file] = await host.files();
  if (file === undefined) throw new Error('no file');
  held.add(file);
  expect(host.committed.length).toBe(7);
  await held.stop();
});

test('a window that is parked is given back, and its sources are stored as recorded and finished the ordinary way', async () => {
  const host = await createHost();
  const { db } = site.deps;
  const held = await takeUpClosed(host);
  const queue = { queue: 'spool', spoolHostId: host.spool.hostId } as const;
  const [window] = await takeReady(db, { ...queue, nowMs: host.clock.nowMs, cheap: true, limit: 10 });
  if (window === undefined) throw new Error('nothing was fed');
  await park(db, window);
  await waitFor('its sources are given to the committer', async () => host.committed.length === 3);
  expect(starts(host.committed)).toEqual([0, 4000, 8000]);
  expect(await pendingBetween(db, host.camera.id, t0, t0 + windowMs)).toEqual([]);
  const { rows } = await db.query(
    `select state, spool_host_id, failures from finish_window where camera_id = $1 and window_start_at = $2`,
    [host.camera.internalId, new Date(t0)],
  );
  expect(rows).toEqual([{ state: 'open', spool_host_id: null, failures: [] }]);
  for (const file of host.committed) expect(await host.commit(file)).toMatchObject({ kind: 'committed' });
  expect((await site.finishAll()).filter(({ finals }) => finals > 0).length).toBe(1);
  expect(await stored(host)).toEqual([[0, 12_000]]);
  await held.stop();
});

test.each([
  ['whose disk is away', (host: Host) => host.spool.dir, (place: string) => mkdir(place)],
  [
    'whose folder cannot be read',
    (host: Host) => join(host.spool.dir, 'closed', host.camera.id),
    (place: string) => writeFile(place, 'no folder'),
  ],
])('a file %s stays held, and is stored once it is seen again', async (_what, placeOf, put) => {
  const host = await createHost();
  const held = host.open();
  for (const file of await host.files()) held.add(file);
  await waitFor('it holds them', async () => held.held().files === footage.length);
  const place = placeOf(host);
  await rename(place, `${place}.away`);
  await put(place);
  await held.release(); // looks once
  expect(held.held().files).toBe(footage.length);
  expect(host.committed).toEqual([]);
  await rm(place, { recursive: true });
  await rename(`${place}.away`, place);
  await held.release();
  expect(host.committed.length).toBe(footage.length);
  expect(held.held().files).toBe(0);
});

test('a file that is gone from a spool that is there is not waited for', async () => {
  const host = await createHost();
  const held = host.open();
  for (const file of await host.files()) held.add(file);
  await waitFor('it holds them', async () => held.held().files === footage.length);
  await host.spool.remove((await host.files())[1]?.path ?? '');
  await held.release();
  expect(starts(host.committed)).toEqual([0, 8000, 12_000, 16_000, 20_000]);
  expect(held.held().files).toBe(0);
});

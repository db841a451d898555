import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { takeReady } from '../../db/finish-feed.ts';
import { park } from '../../db/finish-windows.ts';
import { pendingBetween } from '../../db/held-windows.ts';
import type { ClosedFile } from '../../recorder/run-files.ts';
import { createFinishSite, t0, type FinishSite } from '../activities/finish-site.ts';
import { recordMade } from '../media/footage.ts';
import { breakFiles } from '../support/broken-files.ts';
import { waitFor } from '../support/wait-for.ts';
import { createHost, takeUp, takeUpClosed, windowMs, type Host } from './final-only-host.ts';

let site: FinishSite;
/** Six files of 4 s: two windows. */
let footage: string[];

beforeAll(async () => {
  site = await createFinishSite();
  footage = await recordMade(site.dir, 'main', { seconds: 24, fps: 25, gop: 50 });
  await site.profile('small', { mode: 'encode', height: 90, fps: 5, bitrateKbps: 100, durable: 'final' });
});
afterAll(() => site.close());

const starts = (files: readonly ClosedFile[]): number[] => files.map(({ name }) => name.startMs - t0);
async function stored({ camera }: Host): Promise<[number, number][]> {
  return (await site.rows(camera)).map(({ startMs, durationMs }) => [startMs - t0, durationMs]);
}

test('a recorder that is started again goes on holding what it held, and lets go what has its final', async () => {
  const host = await createHost(site, footage);
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

test('what only has the time of a final of another recording is given to the committer, which asks for proof', async () => {
  const host = await createHost(site, footage);
  await (await takeUpClosed(host)).stop();
  expect(await host.finish()).toBe(1);
  await site.deps.db.query(`update segment set epoch = 2 where camera_id = $1`, [host.camera.internalId]);
  const held = await takeUp(host);
  await held.release();
  expect(starts(host.committed).toSorted((a, b) => a - b)).toEqual([0, 4000, 8000, 12_000, 16_000, 20_000]);
  expect(await host.files()).toHaveLength(6);
  await held.stop();
});

test('a spool that fills gives what has its final up first, then the older half, as recorded', async () => {
  const host = await createHost(site, footage);
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

test('a file whose inode is damaged is given to the committer, and the others stay held', async () => {
  const host = await createHost(site, footage);
  const [, bad] = await host.files();
  const mend = breakFiles((at) => at === bad?.path, ['stat']);
  const held = await takeUp(host);
  try {
    await waitFor('it is handed on', async () => host.committed.length > 0);
    expect(host.committed).toEqual([bad]);
    expect(held.held().files).toBe(5);
  } finally {
    mend();
    await held.stop();
  }
});

test('of two windows without a final the older is given up, the newer goes on', async () => {
  const host = await createHost(site, footage);
  const held = await takeUpClosed(host);
  await held.makeRoom();
  expect(starts(host.committed)).toEqual([0, 4000, 8000]);
  expect(held.held()).toMatchObject({ files: 3, oldestStartMs: t0 + windowMs });
  // No encoder takes what is being committed.
  expect(await host.finish()).toBe(0);
  await held.stop();
});

test('a final that the store has lost by the second look is made again of its sources', async () => {
  const host = await createHost(site, footage);
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
  const host = await createHost(site, footage);
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
  const host = await createHost(site, footage);
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
  const host = await createHost(site, footage);
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
  const host = await createHost(site, footage);
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
  const host = await createHost(site, footage);
  const held = host.open();
  for (const file of await host.files()) held.add(file);
  await waitFor('it holds them', async () => held.held().files === footage.length);
  await host.spool.remove((await host.files())[1]?.path ?? '');
  await held.release();
  expect(starts(host.committed)).toEqual([0, 8000, 12_000, 16_000, 20_000]);
  expect(held.held().files).toBe(0);
});

import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { finishWindow } from '../../activities/finish-window.ts';
import { takeReady } from '../../db/finish-feed.ts';
import { playlistRows } from '../../db/footage.ts';
import { pendingBetween } from '../../db/held-windows.ts';
import { takeEpoch } from '../../db/leases.ts';
import { insertProfile } from '../../db/profiles.ts';
import { recorders } from '../../db/recorders.ts';
import { defaultTenant } from '../../db/tenants.ts';
import type { Segment } from '../../domain/segment.ts';
import { segmentFileName } from '../../recorder/segment-name.ts';
import { objectKey } from '../../storage/keys.ts';
import { openSpool, type Spool } from '../../storage/spool.ts';
import { createFinishSite } from '../activities/finish-site.ts';
import { recordMade } from '../media/footage.ts';
import { waitFor } from '../support/wait-for.ts';
import { addSpoolEncoder } from './final-only-host.ts';
import { createSite, type Site } from './host.ts';
import { startProcess } from './start-process.ts';

const segmentMs = 4000;
const windowMs = 600_000;
/** The newest whole window: it does not wait for its final for too long yet. */
const startMs = Math.floor(Date.now() / windowMs) * windowMs - windowMs;
let site: Site;
let footage: string[];

beforeAll(async () => {
  site = await createSite();
  footage = await recordMade(site.dir, 'main', { seconds: 12, fps: 25, gop: 50 });
});
afterAll(() => site?.close());

interface HeldSpool {
  /** Of the spool and its recorder. */
  name: string;
  spool: Spool;
  cameraId: string;
}

/** A spool with footage of a stopped camera that stores the final only. */
async function fillSpool(): Promise<HeldSpool> {
  const db = site.database.pool;
  const cameraId = await site.addCamera('rtsp://127.0.0.1:1/');
  const name = randomUUID();
  const spool = await openSpool({ dir: join(site.dir, name), maxBytes: 1e9 });
  const { hostId } = spool;
  await insertProfile(db, {
    name,
    mode: 'copy',
    height: null,
    fps: null,
    bitrateKbps: null,
    audio: 'none',
    durable: 'final',
    hevc: false,
    canWait: false,
    waitHours: 24,
  });
  await db.query(
    `update camera set profile_id = (select id from profile where name = $2), created_at = $3, status_at = $3
     where public_id = $1`,
    [cameraId, name, new Date(startMs)],
  );
  const epoch = await takeEpoch(db, cameraId, { hostId, sessionId: null });
  await db.query(
    `update camera_lease set wanted = false, last_end_at = $2
     where camera_id = (select id from camera where public_id = $1)`,
    [cameraId, new Date(startMs)],
  );
  await addSpoolEncoder(db, hostId, Date.now() + 3_600_000);
  const folder = join(spool.dir, 'closed', cameraId);
  await mkdir(folder, { recursive: true });
  for (const [i, path] of footage.entries()) {
    const place = { startMs: startMs + i * segmentMs, durationMs: segmentMs, epoch, anchor: i === 0 };
    await copyFile(path, join(folder, segmentFileName(place)));
  }
  return { name, spool, cameraId };
}

const pending = ({ cameraId }: HeldSpool) => pendingBetween(site.database.pool, cameraId, startMs, startMs + windowMs);
const whole = () => [{ startMs, endMs: startMs + footage.length * segmentMs }];
const rowsOf = ({ cameraId }: HeldSpool): Promise<Segment[]> =>
  playlistRows(site.database.pool, cameraId, startMs, startMs + windowMs);
const filesOf = async ({ spool, cameraId }: HeldSpool) => (await spool.closedFiles(cameraId)).length;

async function expectStoredAsRecorded(held: HeldSpool): Promise<void> {
  const stored = await waitFor('it is stored', async () => {
    const rows = await rowsOf(held);
    return rows.length === footage.length ? rows : undefined;
  });
  expect(stored.map((row) => [row.startMs, row.durationMs, row.variant])).toEqual(
    footage.map((_, i) => [startMs + i * segmentMs, segmentMs, 0]),
  );
  expect(await pending(held)).toEqual([]);
}

test('recorders started on a spool with held footage hold it; one that is emptied stores it as recorded', async () => {
  const held = await fillSpool();
  for (const start of ['first', 'second'] as const) {
    const recorder = await site.start(held.name);
    await waitFor(`the ${start} one holds it`, async () => {
      const { files, bytes, oldestStartMs } = recorder.stats().held;
      return files === footage.length && bytes > 0 && oldestStartMs === startMs;
    });
    await waitFor('it is noted', async () => (await pending(held)).length > 0);
    expect(await pending(held)).toEqual(whole());
    await waitFor('its sign of life says so', async () => {
      const host = (await recorders(site.database.pool)).find(({ hostId }) => hostId === recorder.hostId);
      return host?.stats?.held?.files === footage.length;
    });
    if (start === 'second') await recorder.drain();
    else await recorder.stop();
  }
  await expectStoredAsRecorded(held);
}, 120_000);

/** A recorder on the held footage that kills itself there. @param settings what is too late, and for how long files stay */
async function killedAt({ name }: HeldSpool, killAt: string, settings: Record<string, string> = {}): Promise<void> {
  const { child, exited } = startProcess(site, name, { killAt: `${killAt}:1`, settings });
  onTestFinished(() => void child.kill('SIGKILL'));
  expect(await exited, killAt).toBe('SIGKILL');
}

test('killed when it has noted what it holds, and when it has given that back: all is stored as recorded', async () => {
  const held = await fillSpool();
  await killedAt(held, 'held-noted');
  expect(await pending(held)).toEqual(whole());
  await killedAt(held, 'held-given-back', { FRAMEKEEP_FINAL_WAIT_SECONDS: '0' });
  expect(await rowsOf(held)).toEqual([]);
  await site.start(held.name);
  await expectStoredAsRecorded(held);
}, 120_000);

/** The final of all that is held, made as an encoder of this host makes it. */
async function makeFinal(held: HeldSpool): Promise<Segment> {
  const finishing = await createFinishSite({ database: site.database, objects: site.objects });
  onTestFinished(() => rm(finishing.dir, { recursive: true }));
  const queue = { queue: 'spool', spoolHostId: held.spool.hostId } as const;
  const [window] = await takeReady(site.database.pool, { ...queue, nowMs: Date.now(), cheap: true, limit: 10 });
  if (window === undefined) throw new Error('nothing to finish');
  const deps = { ...finishing.deps, spoolDir: held.spool.dir };
  expect(await finishWindow(deps, { ...window, queue: 'spool' })).toMatchObject({ finals: 1 });
  const [final] = await rowsOf(held);
  if (final === undefined) throw new Error('no final');
  return final;
}

const noLinger = { FRAMEKEEP_SPOOL_LINGER_SECONDS: '0' };

test('killed at the second look at a final: it stays, and what it was made of goes', async () => {
  const held = await fillSpool();
  await killedAt(held, 'held-noted');
  const final = await makeFinal(held);
  expect([final.startMs, final.durationMs]).toEqual([startMs, footage.length * segmentMs]);
  await killedAt(held, 'held-seen', noLinger);
  expect(await filesOf(held)).toBe(footage.length);
  await killedAt(held, 'held-removed', noLinger);
  expect(await filesOf(held)).toBe(footage.length - 1);
  const { child } = startProcess(site, held.name, { settings: noLinger });
  onTestFinished(() => void child.kill('SIGKILL'));
  await waitFor('nothing is left', async () => (await filesOf(held)) === 0);
  expect(await rowsOf(held)).toEqual([final]);
}, 120_000);

test('killed when a lost final has left the catalogue: what it was made of is stored', async () => {
  const held = await fillSpool();
  await killedAt(held, 'held-noted');
  const final = await makeFinal(held);
  const tenant = await defaultTenant(site.database.pool);
  await site.objects.remove([objectKey({ tenantId: tenant.id, cameraId: held.cameraId, ...final })]);
  await killedAt(held, 'final-lost', noLinger);
  expect(await rowsOf(held)).toEqual([]);
  expect(await filesOf(held)).toBe(footage.length);
  const recorder = await site.start(held.name);
  await waitFor('it is held again', async () => recorder.stats().held.files === footage.length);
  await recorder.drain();
  await expectStoredAsRecorded(held);
}, 120_000);

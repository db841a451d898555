import { randomUUID } from 'node:crypto';
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pendingBetween } from '../../db/held-windows.ts';
import { takeEpoch } from '../../db/leases.ts';
import { insertProfile } from '../../db/profiles.ts';
import { recorders } from '../../db/recorders.ts';
import { segmentFileName } from '../../recorder/segment-name.ts';
import { openSpool } from '../../storage/spool.ts';
import { recordMade } from '../media/footage.ts';
import { waitFor } from '../support/wait-for.ts';
import { addSpoolEncoder } from './final-only-host.ts';
import { createSite, type Site } from './host.ts';

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

test('recorders started on a spool with held footage hold it; one that is emptied stores it as recorded', async () => {
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
  await db.query(`update camera set profile_id = (select id from profile where name = $2) where public_id = $1`, [
    cameraId,
    name,
  ]);
  const epoch = await takeEpoch(db, cameraId, { hostId, sessionId: null });
  await addSpoolEncoder(db, hostId, Date.now() + 3_600_000);
  const folder = join(spool.dir, 'closed', cameraId);
  await mkdir(folder, { recursive: true });
  for (const [i, path] of footage.entries()) {
    const place = { startMs: startMs + i * segmentMs, durationMs: segmentMs, epoch, anchor: i === 0 };
    await copyFile(path, join(folder, segmentFileName(place)));
  }
  const pending = () => pendingBetween(db, cameraId, startMs, startMs + windowMs);
  const whole = [{ startMs, endMs: startMs + footage.length * segmentMs }];

  for (const start of ['first', 'second'] as const) {
    const recorder = await site.start(name);
    await waitFor(`the ${start} one holds it`, async () => {
      const { files, bytes, oldestStartMs } = recorder.stats().held;
      return files === footage.length && bytes > 0 && oldestStartMs === startMs;
    });
    await waitFor('it is noted', async () => (await pending()).length > 0);
    expect(await pending()).toEqual(whole);
    await waitFor('its sign of life says so', async () => {
      const host = (await recorders(db)).find((one) => one.hostId === hostId);
      return host?.stats?.held?.files === footage.length;
    });
    if (start === 'second') await recorder.drain();
    else await recorder.stop();
  }
  const stored = await waitFor('it is stored', async () => {
    const rows = await site.segments(cameraId);
    return rows.length === footage.length ? rows : undefined;
  });
  expect(stored.map((row) => [row.startMs, row.durationMs])).toEqual(
    footage.map((_, i) => [startMs + i * segmentMs, segmentMs]),
  );
  expect(await pending()).toEqual([]);
}, 120_000);

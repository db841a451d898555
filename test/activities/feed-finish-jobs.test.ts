import { randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { feedFinishJobs } from '../../activities/feed-finish-jobs.ts';
import { upsertEncoder } from '../../db/encoders.ts';
import { takeUpTo } from '../../db/finish-feed.ts';
import { parseTariff } from '../../domain/tariff.ts';
import { createLogger } from '../../log.ts';
import { finishJobId } from '../../workflows/messages.ts';
import { recordMade } from '../media/footage.ts';
import { testTemporal } from '../support/temporal.ts';
import { createFinishSite, t0, type FinishSite, type SiteCamera } from './finish-site.ts';

const windowMs = 8000;
const hourMs = 3_600_000;
const log = createLogger({ level: 'silent', name: 'test' });
let site: FinishSite;
let connection: Connection;
let client: Client;
let footage: string[];

beforeAll(async () => {
  site = await createFinishSite();
  const { address, namespace } = await testTemporal();
  connection = await Connection.connect({ address });
  client = new Client({ connection, namespace });
  footage = await recordMade(site.dir, 'main', { seconds: 8, fps: 25, gop: 50 });
});
afterAll(async () => {
  await connection?.close();
  await site?.close();
});

/** The hours from two to three hours after t0. */
function cheapHour(): string {
  const hour = (ms: number): string => new Date(ms).toISOString().slice(11, 16);
  return `${hour(t0 + 2 * hourMs)}-${hour(t0 + 3 * hourMs)} UTC`;
}

/** As the schedule would at this time. @returns how many jobs were started */
async function feed(nowMs: number): Promise<number> {
  await upsertEncoder(site.deps.db, {
    workerId: randomUUID(),
    host: 'host',
    kind: 'x264',
    slots: 1,
    used: 0,
    joinSlots: 1,
    joinUsed: 0,
    ceiling: null,
    ceilingReason: null,
    reason: '',
    spoolHostId: null,
    seenMs: nowMs,
  });
  const cheapTariff = parseTariff(cheapHour());
  return (await feedFinishJobs({ db: site.deps.db, client, cheapTariff, log, now: () => nowMs })).started;
}

async function addFootage(profile: string): Promise<SiteCamera> {
  const camera = await site.addCamera(profile);
  await site.commit(camera, footage, { startMs: t0, windowMs });
  return camera;
}

test('jobs that can wait are handed to Temporal in the cheap hours, or at their bound', async () => {
  const saving = { mode: 'encode', height: 90, canWait: true } as const;
  const night = await site.profile('night', { ...saving, waitHours: 24 });
  await site.profile('an-hour', { ...saving, waitHours: 1 });
  const [patient] = await Promise.all([addFootage('night'), addFootage('an-hour')]);
  expect(night.canWait).toBe(true);

  expect(await feed(t0 + hourMs / 2)).toBe(0);
  expect(await feed(t0 + hourMs + 2 * windowMs)).toBe(1); // its hour is over, though electricity is dear
  expect(await feed(t0 + 2 * hourMs - 1)).toBe(0);
  expect(await feed(t0 + 2 * hourMs)).toBe(1);
  expect(await feed(t0 + 2 * hourMs + 1000)).toBe(0);

  const { rows } = await site.database.pool.query<{ id: number }>(`select id from profile where name = 'night'`);
  const ref = { cameraId: patient.id, windowStartMs: t0, reencodeId: 0, generation: 1 };
  const { status } = await client.activity.getHandle(finishJobId(ref, rows[0]?.id ?? 0)).describe();
  expect(status).toBe('RUNNING');
});

test('however many feeders there are at once, no more jobs are started than were asked for', async () => {
  const { db } = site.deps;
  const camera = await site.addCamera('original');
  const spoolHostId = randomUUID(); // a queue of its own
  await db.query(
    `insert into finish_window (camera_id, window_start_at, window_ms, spool_host_id, spool_from_at, spool_to_at, spool_closed)
     select $1, at, 8000, $3, at, at + interval '8 s', true
     from generate_series($2::timestamptz, $2::timestamptz + interval '5 min', interval '8 s') as at`,
    [camera.internalId, new Date(t0), spoolHostId],
  );
  const take = (most: number) => takeUpTo(db, { queue: 'spool', spoolHostId, nowMs: t0 + hourMs, cheap: true, most });
  const taken = (await Promise.all(Array.from({ length: 8 }, () => take(4)))).flat();
  expect(taken.length).toBe(4);
  expect(await take(4)).toEqual([]);
  const more = (await Promise.all(Array.from({ length: 8 }, () => take(6)))).flat();
  expect(more.length).toBe(2);
});

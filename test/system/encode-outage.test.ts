import { readFile } from 'node:fs/promises';
import { Pool } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { collectBatch } from '../../activities/collect-objects.ts';
import { createLogger } from '../../log.ts';
import { startOwnServers, type OwnServers } from '../../scripts/bench/own-servers.ts';
import { freePorts } from '../../scripts/embedded/free-ports.ts';
import { createObjects } from '../../storage/objects.ts';
import { createFinishSite, t0, type FinishSite, type SiteCamera } from '../activities/finish-site.ts';
import { recordMade } from '../media/footage.ts';
import { checkArchive } from '../support/checker.ts';
import { encodesOf } from '../support/encodes.ts';
import { createFramekeep, type Framekeep, type SystemProcess } from '../support/framekeep.ts';
import { waitFor } from '../support/wait-for.ts';

const windowMs = 30_000;
/** At a frame rate whose frames fall on whole milliseconds. */
const fps = 20;
const frames = (fps * windowMs) / 1000;
let servers: OwnServers;
let pool: Pool;
let site: FinishSite;
let framekeep: Framekeep;
let encoder: SystemProcess;
const cameras: SiteCamera[] = [];

beforeAll(async () => {
  servers = await startOwnServers('framekeep-encode-outage-');
  pool = new Pool({ connectionString: servers.databaseUrl, max: 4 });
  pool.on('error', () => undefined); // Postgres is killed under it
  const objects = createObjects(servers.s3);
  await objects.ensureBucket();
  const database = { url: servers.databaseUrl, pool, drop: () => pool.end() };
  site = await createFinishSite({ database, objects });
  const footage = await recordMade(site.dir, 'main', {
    seconds: windowMs / 1000,
    fps,
    gop: 2 * fps,
    size: '640x360',
    counter: true,
  });
  await site.profile('smaller', { mode: 'encode', bitrateKbps: 300 });
  for (const profile of ['smaller', 'original', 'smaller', 'smaller', 'smaller']) {
    const camera = await site.addCamera(profile);
    await site.commit(camera, footage, { startMs: t0, windowMs });
    cameras.push(camera);
  }
  const [port = 0] = await freePorts(1);
  framekeep = createFramekeep({
    dir: servers.dir,
    port,
    servers,
    environment: { FRAMEKEEP_ENCODER: 'x264', FRAMEKEEP_ENCODER_SLOTS: '1' },
  });
  framekeep.start('control', 'control');
  encoder = framekeep.start('encoder', 'encoder');
});
afterAll(async () => {
  await framekeep?.kill();
  await pool?.end();
  await site?.close();
  await servers?.stop();
});

/** How many jobs have failed for want of a server. */
async function failures(): Promise<number> {
  return (await readFile(encoder.logPath, 'utf8')).split('finish job failed, tried again').length - 1;
}

async function states(): Promise<string[]> {
  const { rows } = await pool.query<{ state: string }>(`select state from finish_window`);
  return rows.map(({ state }) => state);
}

test('Postgres and the S3 server killed in the midst of encodes: one final each, sound to the frame, no orphan', async () => {
  for (const name of ['postgres', 's3'] as const) {
    await waitFor('an encode runs', async () => encodesOf(new Set([encoder.child.pid ?? 0])).length > 0, 90_000, 100);
    const before = await failures();
    await servers.kill(name);
    try {
      await waitFor('its job has met that', async () => (await failures()) > before, 90_000);
      expect(encoder.child.exitCode).toBeNull();
    } finally {
      await servers.start(name);
    }
    // The other one is killed while jobs are left.
    if (name === 'postgres') expect((await states()).filter((state) => state !== 'done').length).toBeGreaterThan(2);
  }
  await waitFor('all windows are finished', async () => (await states()).every((state) => state === 'done'), 180_000);
  for (const camera of cameras) {
    const rows = await site.rows(camera);
    expect(rows.map(({ variant, durationMs }) => [variant > 0, durationMs])).toEqual([[true, windowMs]]);
  }
  const log = createLogger({ level: 'silent', name: 'test' });
  const later = { db: pool, objects: site.objects, log, now: () => Date.now() + 7 * 3_600_000 };
  while ((await collectBatch(later)).taken > 0);
  const report = await checkArchive({
    pool,
    s3: servers.s3,
    cameras: cameras.map(({ id }) => ({ cameraId: id, atMs: t0, index: 0, loopFrames: frames, fps })),
    gapsOf: async () => [],
  });
  expect(report).toEqual({
    objects: cameras.length,
    recordedMs: cameras.length * windowMs,
    missing: [],
    unexplainedMs: 0,
    overlaps: 0,
    doubleFrames: 0,
    doubles: new Map(),
    disordered: 0,
    disorders: new Map(),
    undecodable: [],
    wrongObjects: [],
    orphans: [],
  });
}, 400_000);

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startCamera, type SimulatedCamera } from '../support/camera/start-camera.ts';
import { checkArchive, sound } from '../support/checker.ts';
import { reportedGaps, shownFrames, type GapList } from '../support/shown-frames.ts';
import { createTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { createTestSystem, waitFor, type SystemProcess, type TestSystem } from '../support/system.ts';

/**
 * Normal cameras stop at 90 % of the bound. What is left then must take the two cameras longer than the guard takes
 * between two looks (7 s while the store hangs), or both would be stopped by the same look.
 */
const boundBytes = 32_000_000;
/** What was put aside counts as well; with it the spool fills within seconds. */
const putAsideBytes = 24_000_000;
const kbps = { normal: 1600, critical: 1200 };
type Tier = keyof typeof kbps;
const tiers = ['normal', 'critical'] as const;

let system: TestSystem;
let storage: TcpProxy;
let cameras: Record<Tier, SimulatedCamera>;
let ids: Record<Tier, string>;
let spool: string;
let recorder: SystemProcess;

beforeAll(async () => {
  system = await createTestSystem();
  storage = await createTcpProxy(Number(new URL(system.s3.endpoint).port));
  spool = join(system.dir, 'spool-recorder');
  const putAside = join(spool, 'unreadable', 'older');
  await mkdir(putAside, { recursive: true });
  await writeFile(join(putAside, 'unreadable.mp4'), Buffer.alloc(putAsideBytes, 1));
  system.start('api', 'api');
  system.start('control', 'control');
  recorder = system.start('recorder', 'recorder', {
    FRAMEKEEP_S3_ENDPOINT: `http://127.0.0.1:${storage.port}`,
    FRAMEKEEP_SPOOL_MAX_BYTES: String(boundBytes),
  });
  await waitFor('the API is ready', async () => (await fetch(`${system.url}/readyz`)).ok);
  const [normal, critical] = await Promise.all(
    tiers.map((tier) => startCamera({ faults: { '/stream': { padToKbps: kbps[tier] } } })),
  );
  if (normal === undefined || critical === undefined) throw new Error('there are two tiers');
  cameras = { normal, critical };
  ids = { normal: await addCamera('normal'), critical: await addCamera('critical') };
  for (const tier of tiers) await waitFor(`${tier} records`, async () => (await committed(tier)).length >= 1, 90_000);
});
afterAll(async () => {
  await system?.stop();
  await storage?.close();
  for (const camera of Object.values(cameras ?? {})) await camera.close();
});

async function addCamera(tier: Tier): Promise<string> {
  const camera = { name: tier, url: cameras[tier].url(), tier };
  return (await system.call<{ id: string }>('POST', '/v1/cameras', camera)).body.id;
}

/** Starts of a camera's rows, oldest first. */
async function committed(tier: Tier): Promise<number[]> {
  const { rows } = await system.database.pool.query<{ start_ms: string }>(
    `select (extract(epoch from s.start_at) * 1000)::bigint as start_ms
     from segment s join camera c on c.id = s.camera_id where c.public_id = $1 order by s.start_at`,
    [ids[tier]],
  );
  return rows.map((row) => Number(row.start_ms));
}

/** Places in the catalogue's story of all cameras. */
async function placeOf(tier: Tier, kind: string, reason: string): Promise<number | undefined> {
  const { rows } = await system.database.pool.query<{ id: string }>(
    `select e.id from camera_event e join camera c on c.id = e.camera_id
     where c.public_id = $1 and e.kind = $2 and e.body ->> 'reason' = $3 order by e.id limit 1`,
    [ids[tier], kind, reason],
  );
  return rows[0] === undefined ? undefined : Number(rows[0].id);
}

/** What the status says is wrong with the camera. */
async function problemOf(tier: Tier): Promise<string | undefined> {
  const { body } = await system.call<{ problems: { id: string; what: string }[] }>('GET', '/v1/status');
  return body.problems.find(({ id }) => id === ids[tier])?.what;
}

test('a full spool stops normal cameras before critical ones, and all go on once there is room', async () => {
  storage.hold(); // the worst kind of outage: each question takes 10 s to fail
  for (const tier of tiers) {
    await waitFor(
      `${tier} stops`,
      async () => (await placeOf(tier, 'gap-opened', 'spool-full')) !== undefined,
      120_000,
    );
    await waitFor(`${tier} is told`, async () => (await problemOf(tier))?.includes('spool-full'));
  }
  const [normalAt = 0, criticalAt = 0] = await Promise.all(
    tiers.map((tier) => placeOf(tier, 'gap-opened', 'spool-full')),
  );
  expect(normalAt).toBeLessThan(criticalAt);
  // The critical one went on meanwhile: its last picture is newer.
  const last = (tier: Tier): number => cameras[tier].framesSent().at(-1)?.atMs ?? 0;
  expect(last('critical')).toBeGreaterThan(last('normal'));

  const before = { normal: await committed('normal'), critical: await committed('critical') };
  const backMs = Date.now();
  storage.restore();
  for (const tier of tiers) {
    await waitFor(`${tier} records again`, async () => ((await committed(tier)).at(-1) ?? 0) > backMs, 120_000);
    // Nothing was committed into the middle: what waited is all newer than what was there.
    const rows = await committed(tier);
    expect(rows.slice(0, before[tier].length)).toEqual(before[tier]);
  }
  expect(await recorder.end('SIGINT')).toBe(0);
  const report = await checkArchive({
    pool: system.database.pool,
    s3: system.s3,
    cameras: tiers.map((tier) => shownFrames(ids[tier], cameras[tier])),
    gapsOf: (id) => reportedGaps(async (path) => (await system.call<GapList>('GET', path)).body, id),
  });
  expect(report).toMatchObject({ ...sound, unexplainedMs: 0 });
  for (const tier of tiers) {
    const losses = report.missing.filter(({ cameraId }) => cameraId === ids[tier]);
    expect(
      losses.map(({ reasons }) => reasons),
      tier,
    ).toEqual([['spool-full']]);
  }
}, 300_000);

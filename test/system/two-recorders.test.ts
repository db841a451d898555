import { expect, test, type TestContext } from 'vitest';
import { createSite, type Site } from '../recorder/host.ts';
import { startCamera, type SimulatedCamera } from '../support/camera/start-camera.ts';
import { checkArchive, sound, type CheckReport } from '../support/checker.ts';
import { shownFrames } from '../support/shown-frames.ts';
import { createTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { createTestSystem, waitFor, type TestSystem } from '../support/system.ts';

interface Archive {
  pool: TestSystem['database']['pool'];
  s3: TestSystem['s3'];
}

/** Each test has its own, for they run side by side; the last opened is closed first. */
type OnFinished = TestContext['onTestFinished'];

async function openCamera(onFinished: OnFinished): Promise<SimulatedCamera> {
  const camera = await startCamera();
  onFinished(() => camera.close());
  return camera;
}

async function openProxy(onFinished: OnFinished, targetPort: number): Promise<TcpProxy> {
  const proxy = await createTcpProxy(targetPort);
  onFinished(() => proxy.close());
  return proxy;
}

function through(url: string, proxy: TcpProxy): string {
  const address = new URL(url);
  address.port = String(proxy.port);
  return address.href;
}

/** No gap is accepted as an explanation: two recorders see each picture at least once. */
function check({ pool, s3 }: Archive, camera: SimulatedCamera, cameraId: string): Promise<CheckReport> {
  return checkArchive({ pool, s3, cameras: [shownFrames(cameraId, camera)], gapsOf: async () => [] });
}

/** Epochs of the camera's rows, in the order of their footage. */
async function epochsOf({ pool }: Archive, cameraId: string): Promise<number[]> {
  const { rows } = await pool.query<{ epoch: number }>(
    `select s.epoch from segment s join camera c on c.id = s.camera_id where c.public_id = $1 order by s.start_at`,
    [cameraId],
  );
  return rows.map(({ epoch }) => epoch);
}

/** 20 s of missed heartbeats, a retry, a connection and three segments, on a machine that does much else. */
const patienceMs = 120_000;

const whole = { ...sound, missing: [] };

test.concurrent(
  'cut off from Temporal alone: another one takes over, the old one sees it in the catalogue and stops',
  async ({ onTestFinished }) => {
    const camera = await openCamera(onTestFinished);
    const system = await createTestSystem();
    onTestFinished(() => system.stop());
    const archive: Archive = { pool: system.database.pool, s3: system.s3 };
    const temporal = await openProxy(onTestFinished, Number(system.temporal.address.split(':')[1]));
    system.start('api', 'api');
    system.start('control', 'control');
    const old = system.start('old', 'recorder', { FRAMEKEEP_TEMPORAL_ADDRESS: `127.0.0.1:${temporal.port}` });
    await waitFor('the API is ready', async () => (await fetch(`${system.url}/readyz`)).ok);
    const { body } = await system.call<{ id: string }>('POST', '/v1/cameras', { name: 'Gate', url: camera.url() });
    await waitFor('it records', async () => (await epochsOf(archive, body.id)).length >= 2);
    const fresh = system.start('fresh', 'recorder');

    temporal.cut();
    // The heartbeat timeout is 20 s; all the while, and until it has the new one's first picture, the old one records.
    await waitFor(
      'the new epoch',
      async () => (await epochsOf(archive, body.id)).filter((epoch) => epoch > 1).length >= 3,
      patienceMs,
    );
    await waitFor('one recording', async () => camera.connections().length === 1);
    expect(old.child.exitCode).toBeNull(); // the recording stopped, not its process
    expect(await fresh.end('SIGINT')).toBe(0);
    temporal.restore();
    expect(await old.end('SIGINT')).toBe(0);

    expect(camera.accepted()).toBe(3); // a probe and two recordings
    expect(await check(archive, camera, body.id)).toMatchObject(whole);
    const epochs = await epochsOf(archive, body.id);
    expect(epochs).toEqual(epochs.toSorted((a, b) => a - b));
  },
  2 * patienceMs,
);

test.concurrent(
  'both at once for 10 s: nothing is double, and what the old one alone has is kept',
  async ({ onTestFinished }) => {
    const camera = await openCamera(onTestFinished);
    const site: Site = await createSite();
    onTestFinished(() => site.close());
    const archive: Archive = { pool: site.database.pool, s3: site.s3 };
    const database = await openProxy(onTestFinished, Number(new URL(site.database.url).port));
    const old = await site.start('old', { databaseUrl: through(site.database.url, database) });
    const fresh = await site.start('fresh');
    const cameraId = await site.addCamera(camera.url());
    const older = await old.ensure(cameraId, null);
    await waitFor('it records', async () => (await epochsOf(archive, cameraId)).length >= 2);

    // What it closes now is committed only after newer footage: it must not be taken for covered.
    database.cut();
    await waitFor('footage that the old one alone has', async () => old.stats().backlog.files >= 2);
    const alone = old.stats().backlog.files;
    const newer = await fresh.ensure(cameraId, null);
    const isOfNewer = (epoch: number): boolean => epoch === newer.epoch;
    await waitFor(
      '10 s of both',
      async () => (await epochsOf(archive, cameraId)).filter(isOfNewer).length >= 5,
      patienceMs,
    );
    expect(older.progress().state).toBe('recording');
    database.restore();
    expect(await older.ended).toBe('superseded');
    expect(old.list()).toEqual([]);
    await newer.stop('unwanted');
    await waitFor(
      'all committed',
      async () => old.stats().backlog.files + fresh.stats().backlog.files === 0,
      patienceMs,
    );

    expect(await check(archive, camera, cameraId)).toMatchObject(whole);
    const epochs = await epochsOf(archive, cameraId);
    expect(epochs).toEqual(epochs.toSorted((a, b) => a - b));
    expect(epochs.filter((epoch) => epoch === older.epoch).length).toBeGreaterThanOrEqual(2 + alone);
    expect(old.stats().commits.covered).toBeGreaterThanOrEqual(3); // of the five that both have
  },
  2 * patienceMs,
);

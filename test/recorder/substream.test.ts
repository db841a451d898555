import { afterAll, beforeAll, expect, test } from 'vitest';
import { listCameras } from '../../db/cameras.ts';
import { insertProfile } from '../../db/profiles.ts';
import { createSealer, substreamUrlAad } from '../../security/seal.ts';
import { startCamera, type SimulatedCamera } from '../support/camera/start-camera.ts';
import { waitFor } from '../support/system.ts';
import { createSite, type Site } from './host.ts';

let site: Site;

beforeAll(async () => {
  site = await createSite();
  await insertProfile(site.database.pool, {
    name: 'low',
    mode: 'auto',
    height: 240,
    fps: 15,
    bitrateKbps: null,
    audio: 'none',
    durable: 'source',
    hevc: false,
    canWait: false,
    waitHours: 24,
  });
});
afterAll(() => site?.close());

/** Each test has its own, for they run side by side. */
function startCameraOfTwoStreams(): Promise<SimulatedCamera> {
  return startCamera({ streams: { '/main': { width: 640, height: 360 }, '/sub': { width: 320, height: 180 } } });
}

async function addCamera(
  camera: SimulatedCamera,
  profile: string,
  substreamPath: string,
  login?: { user: string; password: string },
): Promise<string> {
  const id = await site.addCamera(camera.url('/main', login));
  await site.database.pool.query(
    `update camera set sealed_substream_url = $2, profile_id = (select id from profile where name = $3)
     where public_id = $1`,
    [id, createSealer(site.secretKey).seal(camera.url(substreamPath, login), substreamUrlAad(id)), profile],
  );
  return id;
}

/** The height of what is recorded now. */
async function recordedHeight(cameraId: string): Promise<number | undefined> {
  const { rows } = await site.database.pool.query<{ height: number }>(
    `select f.height from segment s join stream_format f on f.id = s.format_id join camera c on c.id = s.camera_id
     where c.public_id = $1 order by s.start_at desc limit 1`,
    [cameraId],
  );
  return rows[0]?.height;
}

test.concurrent('a substream is recorded where its profile keeps it as it is, and only there', async () => {
  const camera = await startCameraOfTwoStreams();
  const recorder = await site.start('substreams');
  const fits = await addCamera(camera, 'low', '/sub');
  await site.database.pool.query(`update profile set height = 120 where name = 'standard'`);
  const tooLarge = await addCamera(camera, 'standard', '/sub');
  const missing = await addCamera(camera, 'low', '/nowhere');
  for (const id of [fits, tooLarge, missing]) await recorder.ensure(id, 'session');
  const heights: Record<string, number> = {};
  for (const id of [fits, tooLarge, missing]) {
    heights[id] = await waitFor('footage', async () => (await recordedHeight(id)) ?? false);
  }
  expect([heights[fits], heights[tooLarge], heights[missing]]).toEqual([180, 360, 360]);
  const cameras = await listCameras(site.database.pool, { limit: 10 });
  expect(JSON.stringify(cameras)).not.toContain('v1.');
  await camera.close();
});

test.concurrent('a substream that is taken away at the camera gives way to the main stream', async () => {
  const camera = await startCameraOfTwoStreams();
  const recorder = await site.start('taken-away');
  const id = await addCamera(camera, 'low', '/sub');
  await recorder.ensure(id, 'session');
  await waitFor('the substream is recorded', async () => (await recordedHeight(id)) === 180);
  camera.setFault({ status: { DESCRIBE: 404 } }, '/sub');
  camera.dropAll('eof');
  await waitFor('the main stream is recorded', async () => (await recordedHeight(id)) === 360);
  await camera.close();
}, 90_000);

test.concurrent('a wrong login costs one refusal a try, and one that only the substream refuses records the main stream', async () => {
  const streams = { '/main': { width: 640, height: 360 }, '/sub': { width: 320, height: 180 } };
  const camera = await startCamera({ streams, login: { user: 'admin', password: 'right', scheme: 'digest' } });
  /** After each try. */
  const refused: number[] = [];
  const recorder = await site.start(`logins-${camera.port}`, {
    backoffMs() {
      refused.push(camera.refusedLogins());
      return 100;
    },
  });
  const id = await addCamera(camera, 'low', '/sub', { user: 'admin', password: 'wrong' });
  await recorder.ensure(id, 'session');
  await waitFor('four tries', async () => refused.length >= 4);
  expect(refused.slice(0, 4)).toEqual([1, 2, 3, 4]);
  await recorder.get(id)?.stop('unwanted');

  camera.setFault({ status: { DESCRIBE: 403 } }, '/sub');
  const other = await addCamera(camera, 'low', '/sub', { user: 'admin', password: 'right' });
  await recorder.ensure(other, 'session');
  await waitFor('the main stream is recorded', async () => (await recordedHeight(other)) === 360);
  await camera.close();
});

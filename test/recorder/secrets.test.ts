import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startCamera, type Fault, type SimulatedCamera } from '../support/camera/start-camera.ts';
import { waitFor } from '../support/system.ts';
import { createSite, type Site } from './host.ts';

/** Letters that stand nowhere else, so that finding one is finding a secret. */
const secret = 'Zq9Xw7Vk3';
/** By path, to which a login is added as cameras have it. */
const faults: Record<string, Fault> = {
  '/404': { status: { DESCRIBE: 404 } },
  '/503': { status: { SETUP: 503 } },
  '/302': { redirectTo: `rtsp://admin:${secret}@127.0.0.1:1/live` },
  '/garbage': { answer: 'garbage' },
  '/http': { answer: 'http' },
  '/closing': { closeAt: 'request' },
  '/never-key': { neverKey: true, endAfterMs: 2000 },
};
const withQuery = (path: string): string => `${path}?user=admin&password=${secret}`;

let site: Site;
let camera: SimulatedCamera;
let refusing: SimulatedCamera;
beforeAll(async () => {
  site = await createSite();
  camera = await startCamera({
    faults: Object.fromEntries(Object.entries(faults).map(([path, fault]) => [withQuery(path), fault])),
    login: { user: 'admin', password: secret, scheme: 'basic' },
  });
  refusing = await startCamera({ login: { user: 'admin', password: 'another', scheme: 'digest' } });
});
afterAll(async () => {
  await site.close();
  await camera.close();
  await refusing.close();
});

test('why a camera fails is told without its login, in every line of the log and every column', async () => {
  const logged: string[] = [];
  // Every level, and nothing redacted on the way: the recorder itself says no secret.
  const log = pino({ level: 'trace' }, { write: (line: string) => void logged.push(line) });
  const recorder = await site.start('a', { log });
  const noFfmpeg = await site.start('b', {
    log,
    config: { ...site.deps('b').config, ffmpeg: '/nowhere/ffmpeg', ffprobe: '/nowhere/ffprobe' },
  });
  const login = { user: 'admin', password: secret };
  const failing = Object.keys(faults).map((path) => camera.url(withQuery(path), login));
  const added = await Promise.all([...failing, refusing.url('/stream', login)].map((url) => site.addCamera(url)));
  for (const cameraId of added) await recorder.ensure(cameraId, null);
  const unstarted = await site.addCamera(camera.url(withQuery('/stream'), login));
  await noFfmpeg.ensure(unstarted, null);
  for (const cameraId of [...added, unstarted]) {
    await waitFor('its error', async () => (await site.gaps(cameraId))[0]?.evidence.lastError !== undefined);
  }
  await Promise.all([...recorder.list(), ...noFfmpeg.list()].map((recording) => recording.stop('unwanted')));

  const told = await site.database.pool.query<{ text: string }>(
    `select coalesce(jsonb_agg(to_jsonb(g)), '[]')::text as text from gap g
     union all select coalesce(jsonb_agg(to_jsonb(e)), '[]')::text from camera_event e
     union all select coalesce(jsonb_agg(to_jsonb(c) - 'sealed_url'), '[]')::text from camera c`,
  );
  expect(logged.length).toBeGreaterThan(20);
  expect(logged.filter((line) => line.includes(secret))).toEqual([]);
  expect(told.rows.map((row) => row.text).filter((text) => text.includes(secret))).toEqual([]);
});

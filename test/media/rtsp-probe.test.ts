import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { classifyStderr } from '../../media/ffmpeg-errors.ts';
import { probeStream } from '../../media/ffprobe.ts';
import { startCamera, type SimulatedCamera } from '../support/camera/start-camera.ts';
import { recordCamera } from './camera-recording.ts';
import { ffmpeg, ffprobe, makeFolder } from './footage.ts';

let folder: { path: string; remove: () => Promise<void> };
let camera: SimulatedCamera;

beforeAll(async () => {
  folder = await makeFolder();
  camera = await startCamera({
    clock: 'per-client',
    streams: { '/h264': {}, '/hevc': { codec: 'hevc' }, '/b-frames': { bFrames: 2 } },
    faults: {
      '/bad-request': { status: { DESCRIBE: 400 } },
      '/forbidden': { status: { DESCRIBE: 403 } },
      '/missing': { status: { DESCRIBE: 404 } },
      '/busy': { status: { DESCRIBE: 453 } },
      '/no-session': { status: { PLAY: 454 } },
      '/udp-only': { status: { SETUP: 461 } },
      '/broken': { status: { DESCRIBE: 500 } },
      '/overloaded': { status: { DESCRIBE: 503 } },
      '/locked': { status: { DESCRIBE: 401 } },
      '/silent': { silent: true },
      '/closes': { closeAt: 'request' },
    },
    ffmpeg,
  });
});
afterAll(async () => {
  await camera.close();
  await folder.remove();
});

const refusals: [path: string, reason: string][] = [
  ['/bad-request', 'bad-stream'],
  ['/locked', 'auth'],
  ['/forbidden', 'auth'],
  ['/missing', 'not-found'],
  ['/busy', 'camera-busy'],
  ['/no-session', 'bad-stream'],
  ['/udp-only', 'bad-stream'],
  ['/broken', 'bad-stream'],
  ['/overloaded', 'bad-stream'],
  ['/closes', 'bad-stream'],
  ['/silent', 'bad-stream'],
];

describe.concurrent('a camera that refuses', () => {
  it.each(refusals)(
    '%s: %s',
    async (path, reason) => {
      const { exit, stderr } = await recordCamera(folder.path, camera, path, 15_000, { timeoutMs: 1000 });
      expect(exit).toMatchObject({ code: 1, requested: false });
      expect(classifyStderr(stderr)?.reason).toBe(reason);
      const probe = probeStream({ binary: ffprobe, url: camera.url(path), timeoutMs: 1000 });
      await expect(probe).rejects.toMatchObject({ code: 'camera-probe-failed', details: { reason } });
    },
    30_000,
  );

  it('is told from one that is not there', async () => {
    const gone = await startCamera({ ffmpeg });
    const url = gone.url();
    await gone.close();
    const probe = probeStream({ binary: ffprobe, url, timeoutMs: 1000 });
    await expect(probe).rejects.toMatchObject({ details: { reason: 'refused' } });
  });
});

describe('probeStream', () => {
  it('describes what the camera sends', async () => {
    const probe = (path: string) => probeStream({ binary: ffprobe, url: camera.url(path), timeoutMs: 3000 });
    expect(await probe('/h264')).toEqual({
      codec: 'h264',
      width: 320,
      height: 180,
      fps: 15,
      audioCodec: null,
      bitrateKbps: null,
      hasBFrames: false,
    });
    expect(await probe('/hevc')).toMatchObject({ codec: 'hevc', width: 320, height: 180 });
    expect((await probe('/b-frames')).hasBFrames).toBe(true);
  }, 30_000);

  it('can be called off', async () => {
    const abort = new AbortController();
    const probe = probeStream({ binary: ffprobe, url: camera.url('/silent'), timeoutMs: 5000, signal: abort.signal });
    abort.abort();
    await expect(probe).rejects.toMatchObject({ code: 'camera-probe-failed', details: { reason: 'operator' } });
  });
});

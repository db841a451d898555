import { afterAll, beforeAll, expect, test } from 'vitest';
import { startCamera, type SimulatedCamera } from '../support/camera/start-camera.ts';
import { createTestSystem, waitFor, type TestSystem } from '../support/system.ts';

interface ListedSegment {
  startAt: string;
  durationMs: number;
  variant: number;
  width: number;
  height: number;
  fps: number;
}

let system: TestSystem;
let camera: SimulatedCamera;

beforeAll(async () => {
  system = await createTestSystem();
  const windows = { FRAMEKEEP_WINDOW_SECONDS: '6' };
  system.start('api', 'api', windows);
  system.start('workers', 'control,recorder,encoder', { ...windows, FRAMEKEEP_ENCODER: 'x264' });
  camera = await startCamera();
  await waitFor('the API is ready', async () => (await fetch(`${system.url}/readyz`)).ok);
});
afterAll(async () => {
  await camera?.close();
  await system?.stop();
});

async function profile(body: object): Promise<string> {
  return (await system.call<{ id: string }>('POST', '/v1/profiles', body)).body.id;
}

async function segments(cameraId: string): Promise<ListedSegment[]> {
  const from = new Date(Date.now() - 3_600_000).toISOString();
  const to = new Date().toISOString();
  const { body } = await system.call<{ items: ListedSegment[] }>(
    'GET',
    `/v1/cameras/${cameraId}/segments?from=${from}&to=${to}`,
  );
  return body.items;
}

test('what cameras send is joined or encoded window by window, and the timeline has no seam', async () => {
  const [copy, small] = await Promise.all([
    profile({ name: 'kept', mode: 'copy' }),
    profile({ name: 'small', mode: 'auto', height: 90, fps: 10, bitrateKbps: 100 }),
  ]);
  const add = async (name: string, profileId: string): Promise<string> =>
    (await system.call<{ id: string }>('POST', '/v1/cameras', { name, url: camera.url(), profileId })).body.id;
  const kept = await add('kept', copy);
  const encoded = await add('encoded', small);

  const finals = (list: ListedSegment[]): ListedSegment[] => list.filter(({ variant }) => variant > 0);
  for (const id of [kept, encoded]) {
    await waitFor('two windows are finished', async () => finals(await segments(id)).length >= 2, 90_000);
  }
  for (const id of [kept, encoded]) {
    const list = await segments(id);
    list.slice(1).forEach((segment, i) => {
      const before = list[i];
      if (before !== undefined) {
        expect(Date.parse(segment.startAt)).toBe(Date.parse(before.startAt) + before.durationMs);
      }
    });
  }
  expect(finals(await segments(encoded))[0]).toMatchObject({ height: 90, fps: 10 });
  expect(finals(await segments(kept))[0]).toMatchObject({ height: 180, fps: 15 });

  type Camera = { finish: { action: string; reason: string } | null };
  expect((await system.call<Camera>('GET', `/v1/cameras/${kept}`)).body.finish?.action).toBe('copy');
  expect((await system.call<Camera>('GET', `/v1/cameras/${encoded}`)).body.finish).toMatchObject({
    action: 'encode',
    reason: expect.stringMatching(/height is \d+ pixels, above 90/) as string,
  });

  const range = `from=${new Date(Date.now() - 3_600_000).toISOString()}&to=${new Date().toISOString()}`;
  const playlist = await system.call<string>('GET', `/v1/cameras/${kept}/playlist.m3u8?${range}`);
  expect(playlist.body.match(/#EXT-X-DISCONTINUITY/g) ?? []).toEqual([]);

  const encoders = await system.call<{ hosts: object[] }>('GET', '/v1/encoders');
  expect(encoders.body.hosts).toMatchObject([{ kind: 'x264', workers: 1 }]);
}, 150_000);

import { afterAll, beforeAll, expect, test } from 'vitest';
import { startCamera, type SimulatedCamera } from '../support/camera/start-camera.ts';
import { shownPictures, type ShownPicture } from '../support/shown-pictures.ts';
import { createTestSystem, waitFor, type SystemProcess, type TestSystem } from '../support/system.ts';

interface ListedSegment {
  startAt: string;
  durationMs: number;
  variant: number;
  width: number;
  height: number;
  fps: number;
}

const windowMs = 6000;
const settings = { FRAMEKEEP_WINDOW_SECONDS: String(windowMs / 1000) };
let system: TestSystem;
let camera: SimulatedCamera;
let encoder: SystemProcess | undefined;
/** They record from the beginning, so that their windows are there when an encoder is. */
let kept: string;
let encoded: string;

beforeAll(async () => {
  system = await createTestSystem();
  system.start('api', 'api', settings);
  system.start('workers', 'control,recorder', settings);
  camera = await startCamera();
  await waitFor('the API is ready', async () => (await fetch(`${system.url}/readyz`)).ok);
  kept = await addCamera('kept', await profile({ name: 'kept', mode: 'copy' }));
  const small = { name: 'small', mode: 'auto', height: 90, fps: 10, bitrateKbps: 100 };
  encoded = await addCamera('encoded', await profile(small));
});
afterAll(async () => {
  await camera?.close();
  await system?.stop();
});

async function profile(body: object): Promise<string> {
  return (await system.call<{ id: string }>('POST', '/v1/profiles', body)).body.id;
}

async function addCamera(name: string, profileId: string): Promise<string> {
  const body = { name, url: camera.url(), profileId };
  return (await system.call<{ id: string }>('POST', '/v1/cameras', body)).body.id;
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

/** All pictures of a range, as a player gets and shows them. */
async function pictures(cameraId: string, fromMs: number, toMs: number): Promise<ShownPicture[]> {
  const [from, to] = [fromMs, toMs].map((ms) => new Date(ms).toISOString());
  const path = `/v1/cameras/${cameraId}/playlist.m3u8?from=${from}&to=${to}`;
  const { body } = await system.call<string>('GET', path);
  return shownPictures(body, async (uri, range) => {
    const headers = { range, authorization: `Bearer ${system.apiKey}` };
    const answer = await fetch(new URL(uri, `${system.url}${path}`), { headers });
    expect(answer.status).toBe(206);
    return Buffer.from(await answer.arrayBuffer());
  });
}

test('each picture keeps its time in the playlist, to the frame, when finals take the place of sources', async () => {
  await encoder?.end('SIGKILL'); // of a try before this one
  const frameMs = 1000 / camera.loop().fps;
  const profiles = { kept: { mode: 'copy' }, encoded: { mode: 'encode', bitrateKbps: 300 } };
  const ids: string[] = [];
  for (const [name, spec] of Object.entries(profiles)) {
    const named = `${name} in time ${Date.now()}`;
    ids.push(await addCamera(named, await profile({ name: named, ...spec })));
  }
  const end = ({ startAt, durationMs }: ListedSegment): number => Date.parse(startAt) + durationMs;
  // Two whole windows of both cameras, by nothing but time: no encoder is there yet.
  const fromMs = await waitFor('both record', async () => {
    const starts = await Promise.all(ids.map(async (id) => Date.parse((await segments(id))[0]?.startAt ?? '')));
    return Math.ceil(Math.max(...starts) / windowMs) * windowMs || undefined;
  });
  const toMs = fromMs + 2 * windowMs;
  const before = await waitFor('two windows are recorded', async () => {
    const lists = await Promise.all(ids.map(segments));
    if (!lists.every((list) => list.some((segment) => end(segment) >= toMs))) return undefined;
    expect(lists.flat().every(({ variant }) => variant === 0)).toBe(true);
    return Promise.all(ids.map((id) => pictures(id, fromMs, toMs)));
  });
  encoder = system.start('encoder', 'encoder', { ...settings, FRAMEKEEP_ENCODER: 'x264' });
  await waitFor(
    'both windows have their finals',
    async () => {
      const lists = await Promise.all(ids.map(segments));
      // A segment is of the window that it starts in; the one before may last into the first, and stays if it is alone.
      const startsInside = ({ startAt }: ListedSegment): boolean =>
        Date.parse(startAt) >= fromMs && Date.parse(startAt) < toMs;
      return lists.every((list) => list.filter(startsInside).every(({ variant }) => variant > 0));
    },
    90_000,
  );
  const after = await Promise.all(ids.map((id) => pictures(id, fromMs, toMs)));

  for (const [place, shown] of before.entries()) {
    expect(shown.length).toBeGreaterThan(windowMs / frameMs);
    const counters = shown.map(({ counter }) => counter);
    expect(new Set(counters).size).toBe(counters.length);
    const now = new Map(after[place]?.map(({ counter, atMs }) => [counter, atMs]));
    expect(now.size).toBe(after[place]?.length); // none twice
    for (const { counter, atMs } of shown) expect(now.has(counter), `picture ${counter} of ${atMs}`).toBe(true);
    const off = shown.map(({ counter, atMs }) => Math.abs((now.get(counter) ?? Infinity) - atMs));
    expect(Math.max(...off)).toBeLessThan(place === 0 ? 1 : frameMs);
  }
  // What was only joined is the very same list.
  expect(after[0]).toEqual(before[0]);
}, 180_000);

test('what cameras send is joined or encoded window by window, and the timeline has no seam', async () => {
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

test('a camera is purged by the workers of the system, with all that it recorded', async () => {
  await encoder?.end('SIGTERM'); // what it stores of other cameras is none of this
  const name = `leaving ${Date.now()}`;
  const id = await addCamera(name, await profile({ name, mode: 'copy' }));
  const state = async () => (await system.call<{ state: string }>('GET', `/v1/cameras/${id}`)).body.state;
  await waitFor('it records', async () => (await state()) === 'recording', 60_000);
  await system.call('POST', `/v1/cameras/${id}/retire`);
  await system.call('POST', `/v1/cameras/${id}/purge`, { name });
  await waitFor('it is purged', async () => (await state()) === 'purged', 90_000);
  const { body } = await system.call<{ items: object[] }>('GET', `/v1/certificates?cameraId=${id}`);
  expect(body.items).toMatchObject([{ kind: 'purge' }]);
}, 180_000);

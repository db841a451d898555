import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createObjects, type Objects } from '../../storage/objects.ts';
import { startCamera, type SimulatedCamera } from '../support/camera/start-camera.ts';
import { createTestSystem, waitFor, type SystemProcess, type TestSystem } from '../support/system.ts';

interface ListedSegment {
  startAt: string;
  durationMs: number;
  variant: number;
}

let system: TestSystem;
let camera: SimulatedCamera;
let objects: Objects;
let spool: string;
let encoder: SystemProcess;
const settings = { FRAMEKEEP_WINDOW_SECONDS: '6', FRAMEKEEP_SPOOL_LINGER_SECONDS: '1' };

function startEncoder(name: string): SystemProcess {
  const own = { FRAMEKEEP_ENCODER: 'x264', FRAMEKEEP_ENCODER_SLOTS: '1', FRAMEKEEP_SPOOL_DIR: spool };
  return system.start(name, 'encoder', { ...settings, ...own });
}

beforeAll(async () => {
  system = await createTestSystem();
  objects = createObjects(system.s3);
  spool = join(system.dir, 'spool-shared');
  system.start('api', 'api', settings);
  system.start('workers', 'control,recorder', { ...settings, FRAMEKEEP_SPOOL_DIR: spool });
  encoder = startEncoder('encoder');
  camera = await startCamera();
  await waitFor('the API is ready', async () => (await fetch(`${system.url}/readyz`)).ok);
  await waitFor('the encoder lives', async () => {
    const { body } = await system.call<{ hosts: { slots: number }[] }>('GET', '/v1/encoders');
    return body.hosts.some(({ slots }) => slots === 1);
  });
});
afterAll(async () => {
  await camera?.close();
  objects?.close();
  await system?.stop();
});

async function addCamera(name: string, profile: object): Promise<string> {
  const made = await system.call<{ id: string }>('POST', '/v1/profiles', {
    name: `${name}-${randomUUID()}`,
    durable: 'final',
    ...profile,
  });
  expect(made.status).toBe(201);
  const { body } = await system.call<{ id: string }>('POST', '/v1/cameras', {
    name: `${name}-${randomUUID()}`,
    url: camera.url(),
    profileId: made.body.id,
  });
  return body.id;
}

function range(): string {
  return `from=${new Date(Date.now() - 3_600_000).toISOString()}&to=${new Date().toISOString()}`;
}

async function items<T>(cameraId: string, what: string): Promise<T[]> {
  return (await system.call<{ items: T[] }>('GET', `/v1/cameras/${cameraId}/${what}?${range()}`)).body.items;
}

/** Gaps, but that before the first picture. */
async function missing(cameraId: string): Promise<{ reason: string }[]> {
  return (await items<{ reason: string }>(cameraId, 'gaps')).filter(({ reason }) => reason !== 'operator');
}

/** Variants of all objects that were ever there: nothing is collected within the test. */
async function variantsInBucket(cameraId: string): Promise<number[]> {
  const variants = new Set<number>();
  for await (const { key } of objects.list('')) {
    if (key.includes(cameraId)) variants.add(Number(/-(\d+)-[0-9a-f]{16}\.mp4$/.exec(key)?.[1]));
  }
  return [...variants];
}

function isUnbroken(list: readonly ListedSegment[]): boolean {
  return list.slice(1).every((segment, i) => {
    const before = list[i];
    return before !== undefined && Date.parse(segment.startAt) === Date.parse(before.startAt) + before.durationMs;
  });
}

const small = { mode: 'encode', height: 90, fps: 10, bitrateKbps: 100 };

test('only finals are ever stored, across a kill -9 of the encoder at work; nothing of it counts as missing', async () => {
  const id = await addCamera('final-only', small);
  await waitFor('footage waits for its final', async () => (await items(id, 'pending')).length > 0, 60_000);
  await waitFor('a final is stored', async () => (await items(id, 'segments')).length >= 1, 90_000);

  await waitFor('the encoder is at work', async () => {
    const { body } = await system.call<{ hosts: { used: number }[] }>('GET', '/v1/encoders');
    return body.hosts.some(({ used }) => used > 0);
  }).catch(() => undefined); // jobs of 6 s take a second, so it may be between two of them
  await encoder.end('SIGKILL');
  await sleep(8_000);
  expect(await missing(id)).toEqual([]);
  encoder = startEncoder('encoder-again');

  const stored = (await items(id, 'segments')).length;
  // The job that was killed is done again once Temporal has missed its heartbeats, after windows that came later.
  const list = await waitFor(
    'finals go on, without a hole',
    async () => {
      const found = await items<ListedSegment>(id, 'segments');
      expect(await missing(id)).toEqual([]);
      return found.length >= stored + 4 && isUnbroken(found) ? found : undefined;
    },
    120_000,
  );
  expect(list.every(({ variant }) => variant > 0)).toBe(true);
  expect(await missing(id)).toEqual([]);
  expect(await variantsInBucket(id)).toEqual([list[0]?.variant]);
  // What has its final leaves the spool.
  const oldestMs = Date.parse(list[0]?.startAt ?? '');
  await waitFor('the spool gives up what is finished', async () => {
    const names = await readdir(join(spool, 'closed', id));
    return names.every((name) => Number(name.split('-')[0]) > oldestMs + 6000);
  });
}, 300_000);

test('without an encoder footage is stored as recorded, and is finished once one is there', async () => {
  const id = await addCamera('overflow', small);
  await waitFor('footage waits for its final', async () => (await items(id, 'pending')).length > 0, 60_000);
  await encoder.end('SIGKILL');
  await waitFor('sources are stored', async () => (await variantsInBucket(id)).includes(0), 150_000);
  expect(await missing(id)).toEqual([]);
  encoder = startEncoder('encoder-later');
  await waitFor(
    'sources become finals',
    async () => (await items<ListedSegment>(id, 'segments')).some(({ variant }) => variant > 0),
    120_000,
  );
  expect(isUnbroken(await items<ListedSegment>(id, 'segments'))).toBe(true);
  expect(await missing(id)).toEqual([]);
}, 400_000);

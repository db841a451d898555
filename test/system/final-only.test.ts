import { expect, test, type TestContext } from 'vitest';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createObjects } from '../../storage/objects.ts';
import { startCamera } from '../support/camera/start-camera.ts';
import { encodesOf } from '../support/encodes.ts';
import { createTestSystem, waitFor, type SystemProcess } from '../support/system.ts';

interface ListedSegment {
  startAt: string;
  durationMs: number;
  variant: number;
}

const settings = { FRAMEKEEP_WINDOW_SECONDS: '6', FRAMEKEEP_SPOOL_LINGER_SECONDS: '1' };
const small = { mode: 'encode', height: 90, fps: 10, bitrateKbps: 100 };

interface Stage {
  spool: string;
  startEncoder: (name: string) => SystemProcess;
  addCamera: (name: string) => Promise<string>;
  encoders: () => Promise<{ slots: number }[]>;
  items: <T>(cameraId: string, what: string) => Promise<T[]>;
  /** Gaps, but that before the first picture. */
  missing: (cameraId: string) => Promise<{ reason: string }[]>;
  /** Variants of all objects that were ever there: nothing is collected within a test. */
  variantsInBucket: (cameraId: string) => Promise<number[]>;
}

/** A system for each test, since they run side by side: most of their time is waiting for what a minute without an encoder does. */
async function openStage(onFinished: TestContext['onTestFinished']): Promise<Stage> {
  const system = await createTestSystem();
  onFinished(() => system.stop());
  const objects = createObjects(system.s3);
  onFinished(() => objects.close());
  const camera = await startCamera();
  onFinished(() => camera.close());
  const spool = join(system.dir, 'spool-shared');
  system.start('api', 'api', settings);
  system.start('workers', 'control,recorder', { ...settings, FRAMEKEEP_SPOOL_DIR: spool });
  await waitFor('the API is ready', async () => (await fetch(`${system.url}/readyz`)).ok);

  const stage: Stage = {
    spool,
    startEncoder(name) {
      const own = { FRAMEKEEP_ENCODER: 'x264', FRAMEKEEP_ENCODER_SLOTS: '1', FRAMEKEEP_SPOOL_DIR: spool };
      return system.start(name, 'encoder', { ...settings, ...own });
    },
    async addCamera(name) {
      const made = await system.call<{ id: string }>('POST', '/v1/profiles', { name, durable: 'final', ...small });
      expect(made.status).toBe(201);
      const added = { name, url: camera.url(), profileId: made.body.id };
      return (await system.call<{ id: string }>('POST', '/v1/cameras', added)).body.id;
    },
    encoders: async () => (await system.call<{ hosts: { slots: number }[] }>('GET', '/v1/encoders')).body.hosts,
    async items<T>(cameraId: string, what: string) {
      const range = `from=${new Date(Date.now() - 3_600_000).toISOString()}&to=${new Date().toISOString()}`;
      return (await system.call<{ items: T[] }>('GET', `/v1/cameras/${cameraId}/${what}?${range}`)).body.items;
    },
    missing: async (cameraId) =>
      (await stage.items<{ reason: string }>(cameraId, 'gaps')).filter(({ reason }) => reason !== 'operator'),
    async variantsInBucket(cameraId) {
      const variants = new Set<number>();
      for await (const { key } of objects.list('')) {
        if (key.includes(cameraId)) variants.add(Number(/-(\d+)-[0-9a-f]{16}\.mp4$/.exec(key)?.[1]));
      }
      return [...variants];
    },
  };
  return stage;
}

/** An encoder of the recorder's host, which the catalogue knows of. */
async function encoderOf({ startEncoder, encoders }: Stage): Promise<SystemProcess> {
  const encoder = startEncoder('encoder');
  await waitFor('the encoder lives', async () => (await encoders()).some(({ slots }) => slots === 1));
  return encoder;
}

function isUnbroken(list: readonly ListedSegment[]): boolean {
  return list.slice(1).every((segment, i) => {
    const before = list[i];
    return before !== undefined && Date.parse(segment.startAt) === Date.parse(before.startAt) + before.durationMs;
  });
}

test.concurrent('only finals are ever stored, across a kill -9 of the encoder at work; nothing of it counts as missing', async ({
  onTestFinished,
}) => {
  const stage = await openStage(onTestFinished);
  const { spool, startEncoder, addCamera, items, missing, variantsInBucket } = stage;
  const encoder = await encoderOf(stage);
  const id = await addCamera('final-only');
  await waitFor('footage waits for its final', async () => (await items(id, 'pending')).length > 0, 60_000);
  await waitFor('a final is stored', async () => (await items(id, 'segments')).length >= 1, 90_000);

  // What it tells of itself is up to 5 s old, and a job of a window of 6 s takes a second.
  await waitFor(
    'the encoder is at work',
    async () => encodesOf(new Set([encoder.child.pid ?? 0])).length > 0,
    90_000,
    100,
  );
  await encoder.end('SIGKILL');
  await sleep(8_000);
  expect(await missing(id)).toEqual([]);
  startEncoder('encoder-again');

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

test.concurrent('without an encoder footage is stored as recorded, and is finished once one is there', async ({
  onTestFinished,
}) => {
  const stage = await openStage(onTestFinished);
  const { startEncoder, addCamera, items, missing, variantsInBucket } = stage;
  const encoder = await encoderOf(stage);
  const id = await addCamera('overflow');
  await waitFor('footage waits for its final', async () => (await items(id, 'pending')).length > 0, 60_000);
  await encoder.end('SIGKILL');
  await waitFor('sources are stored', async () => (await variantsInBucket(id)).includes(0), 150_000);
  expect(await missing(id)).toEqual([]);
  startEncoder('encoder-later');
  await waitFor(
    'sources become finals',
    async () => (await items<ListedSegment>(id, 'segments')).some(({ variant }) => variant > 0),
    120_000,
  );
  expect(isUnbroken(await items<ListedSegment>(id, 'segments'))).toBe(true);
  expect(await missing(id)).toEqual([]);
}, 400_000);

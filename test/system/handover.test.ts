import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkArchive, sound } from '../support/checker.ts';
import { startCamera, type SimulatedCamera } from '../support/camera/start-camera.ts';
import { shownFrames } from '../support/shown-frames.ts';
import { createTestSystem, waitFor, type SystemProcess, type TestSystem } from '../support/system.ts';

interface RecorderAnswer {
  hostId: string;
  used: number;
  draining: boolean;
}

const cameraCount = 4;
let system: TestSystem;
let cameras: SimulatedCamera[];
let ids: string[];
let first: SystemProcess;
let second: SystemProcess;

async function recorders(): Promise<RecorderAnswer[]> {
  return (await system.call<{ items: RecorderAnswer[] }>('GET', '/v1/recorders')).body.items;
}

async function eachRecordsSince(sinceMs: number): Promise<boolean> {
  const path = '/v1/cameras?limit=100';
  const { body } = await system.call<{ items: { lastSegmentEndAt: string | null }[] }>('GET', path);
  return body.items.every(({ lastSegmentEndAt }) => Date.parse(lastSegmentEndAt ?? '') > sinceMs);
}

/** Nothing is missing, nothing is double and no row overlaps, however loaded the machine is. */
async function expectSeamless(): Promise<void> {
  const report = await checkArchive({
    pool: system.database.pool,
    s3: system.s3,
    cameras: cameras.map((camera, place) => shownFrames(ids[place] ?? '', camera)),
    gapsOf: async () => [],
  });
  expect(report.objects).toBeGreaterThan(4 * cameraCount);
  expect(report).toMatchObject({ ...sound, missing: [] });
}

beforeEach(async () => {
  system = await createTestSystem();
  system.start('api', 'api');
  system.start('control', 'control');
  first = system.start('first', 'recorder');
  await waitFor('the API is ready', async () => (await fetch(`${system.url}/readyz`)).ok);
  cameras = await Promise.all(Array.from({ length: cameraCount }, () => startCamera()));
  ids = [];
  for (const [place, camera] of cameras.entries()) {
    const body = { name: `Camera ${place}`, url: camera.url() };
    ids.push((await system.call<{ id: string }>('POST', '/v1/cameras', body)).body.id);
  }
  await waitFor('all record', () => eachRecordsSince(0));
  second = system.start('second', 'recorder');
  await waitFor('the second recorder is there', async () => (await recorders()).length === 2);
});

afterEach(async () => {
  await Promise.all(cameras.map((camera) => camera.close()));
  await system.stop();
});

test('SIGTERM moves each camera to the recorder that has room, without a break', async () => {
  expect(await first.end('SIGTERM')).toBe(0);
  const movedMs = Date.now();
  await waitFor('footage of the second', () => eachRecordsSince(movedMs + 2000));
  expect(await second.end('SIGINT')).toBe(0);
  expect(cameras.map((camera) => camera.accepted())).toEqual(cameras.map(() => 3)); // a probe and two recordings
  await expectSeamless();
}, 120_000);

test('a drain ordered by the API empties a recorder that goes on running, without a break', async () => {
  const [host] = (await recorders()).filter((recorder) => recorder.used === cameraCount);
  const drained = await system.call<RecorderAnswer>('POST', `/v1/recorders/${host?.hostId}/drain`);
  expect(drained).toMatchObject({ status: 202, body: { draining: true } });
  await waitFor(
    'all moved',
    async () => {
      const now = await recorders();
      return (
        now.find(({ hostId }) => hostId === host?.hostId)?.used === 0 && now.some(({ used }) => used === cameraCount)
      );
    },
    60_000,
  );
  const movedMs = Date.now();
  await waitFor('footage of the second', () => eachRecordsSince(movedMs + 2000));
  const [other] = (await recorders()).filter(({ hostId }) => hostId !== host?.hostId);
  const back = await system.call('POST', `/v1/recorders/${other?.hostId}/drain`);
  expect(back.status).toBe(409); // the only other one drains itself
  expect(await first.end('SIGINT')).toBe(0);
  expect(await second.end('SIGINT')).toBe(0);
  await expectSeamless();
}, 120_000);

import { expect, test, type TestContext } from 'vitest';
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
/** Of the processes of both tests, on a machine that does much else. */
const startsWithinMs = 90_000;

interface Stage {
  system: TestSystem;
  cameras: SimulatedCamera[];
  first: SystemProcess;
  second: SystemProcess;
}

/** Four cameras that the first recorder records, and a second one without any; the tests run side by side. */
async function openStage(onFinished: TestContext['onTestFinished']): Promise<Stage & { check: () => Promise<void> }> {
  const system = await createTestSystem();
  onFinished(() => system.stop());
  system.start('api', 'api');
  system.start('control', 'control');
  const first = system.start('first', 'recorder');
  await waitFor('the API is ready', async () => (await fetch(`${system.url}/readyz`)).ok, startsWithinMs);
  const cameras: SimulatedCamera[] = [];
  const ids: string[] = [];
  for (let place = 0; place < cameraCount; place += 1) {
    const camera = await startCamera();
    onFinished(() => camera.close());
    cameras.push(camera);
    const body = { name: `Camera ${place}`, url: camera.url() };
    ids.push((await system.call<{ id: string }>('POST', '/v1/cameras', body)).body.id);
  }
  await waitFor('all record', () => eachRecordsSince(system, 0), startsWithinMs);
  const second = system.start('second', 'recorder');
  await waitFor('the second recorder is there', async () => (await recorders(system)).length === 2, startsWithinMs);
  return { system, cameras, first, second, check: () => expectSeamless(system, cameras, ids) };
}

async function recorders(system: TestSystem): Promise<RecorderAnswer[]> {
  return (await system.call<{ items: RecorderAnswer[] }>('GET', '/v1/recorders')).body.items;
}

async function eachRecordsSince(system: TestSystem, sinceMs: number): Promise<boolean> {
  const path = '/v1/cameras?limit=100';
  const { body } = await system.call<{ items: { lastSegmentEndAt: string | null }[] }>('GET', path);
  return body.items.every(({ lastSegmentEndAt }) => Date.parse(lastSegmentEndAt ?? '') > sinceMs);
}

/** Nothing is missing, nothing is double and no row overlaps, however loaded the machine is. */
async function expectSeamless(system: TestSystem, cameras: SimulatedCamera[], ids: string[]): Promise<void> {
  const report = await checkArchive({
    pool: system.database.pool,
    s3: system.s3,
    cameras: cameras.map((camera, place) => shownFrames(ids[place] ?? '', camera)),
    gapsOf: async () => [],
  });
  expect(report.objects).toBeGreaterThan(4 * cameraCount);
  expect(report).toMatchObject({ ...sound, missing: [] });
}

test.concurrent('SIGTERM moves each camera to the recorder that has room, without a break', async ({
  onTestFinished,
}) => {
  const { system, cameras, first, second, check } = await openStage(onTestFinished);
  expect(await first.end('SIGTERM')).toBe(0);
  const movedMs = Date.now();
  await waitFor('footage of the second', () => eachRecordsSince(system, movedMs + 2000));
  expect(await second.end('SIGINT')).toBe(0);
  expect(cameras.map((camera) => camera.accepted())).toEqual(cameras.map(() => 3)); // a probe and two recordings
  await check();
}, 240_000);

test.concurrent('a drain ordered by the API empties a recorder that goes on running, without a break', async ({
  onTestFinished,
}) => {
  const { system, first, second, check } = await openStage(onTestFinished);
  const [host] = (await recorders(system)).filter((recorder) => recorder.used === cameraCount);
  const drained = await system.call<RecorderAnswer>('POST', `/v1/recorders/${host?.hostId}/drain`);
  expect(drained).toMatchObject({ status: 202, body: { draining: true } });
  await waitFor(
    'all moved',
    async () => {
      const now = await recorders(system);
      return (
        now.find(({ hostId }) => hostId === host?.hostId)?.used === 0 && now.some(({ used }) => used === cameraCount)
      );
    },
    60_000,
  );
  const movedMs = Date.now();
  await waitFor('footage of the second', () => eachRecordsSince(system, movedMs + 2000));
  const [other] = (await recorders(system)).filter(({ hostId }) => hostId !== host?.hostId);
  const back = await system.call('POST', `/v1/recorders/${other?.hostId}/drain`);
  expect(back.status).toBe(409); // the only other one drains itself
  expect(await first.end('SIGINT')).toBe(0);
  expect(await second.end('SIGINT')).toBe(0);
  await check();
}, 240_000);

import { randomUUID } from 'node:crypto';
import { copyFile, readdir, readFile, truncate } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, type TestContext } from 'vitest';
import { Mp4Error } from '../../media/mp4-boxes.ts';
import { readIndex } from '../../media/mp4-index.ts';
import { failpointNames, failpointOf } from '../../recorder/failpoint.ts';
import { startCamera, type SimulatedCamera } from '../support/camera/start-camera.ts';
import { checkArchive, sound, type CheckReport } from '../support/checker.ts';
import { readFrameCounters } from '../support/frame-counter.ts';
import { shownFrames } from '../support/shown-frames.ts';
import { waitFor } from '../support/system.ts';
import { createSite, type Site } from './host.ts';
import { startProcess } from './start-process.ts';

// Kills at what is not a step of a plain commit.
const here = ['salvage', 'run-closed', 'seam', 'cut'];
const elsewhere = {
  'crash.test.ts': ['placed', 'closed', 'hashed', 'stored', 'inserted', 'lingering'],
  'seam-clocks.test.ts': ['moved'],
  'covered.test.ts': ['kept'],
  'unreadable-kill.test.ts': 'aside-folder aside-moved aside-told aside-lasting back-moved back-told'.split(' '),
  'final-only-restart.test.ts': ['held-noted', 'held-given-back', 'held-seen', 'held-removed', 'final-lost'],
};
/** Of a machine that does much else; a test starts up to six recorders. */
const patienceMs = 90_000;

const patiently: typeof waitFor = (what, look) => waitFor(what, look, patienceMs);

interface Stage {
  site: Site;
  camera: SimulatedCamera;
  start: (name: string, options: Parameters<typeof startProcess>[2]) => ReturnType<typeof startProcess>;
}

/** What a test works with; they run side by side, each with its own. */
async function openStage(onFinished: TestContext['onTestFinished']): Promise<Stage> {
  const site = await createSite();
  onFinished(() => site.close());
  const camera = await startCamera();
  onFinished(() => camera.close());
  const start: Stage['start'] = (name, options) => {
    const started = startProcess(site, name, options);
    onFinished(() => void started.child.kill('SIGKILL'));
    return started;
  };
  return { site, camera, start };
}

async function filesBelow(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true }).catch(() => []); // a camera without footage has no folder
  return found.filter((name) => name.endsWith('.mp4')).map((name) => path.join(folder, name));
}

/** A file that ffmpeg has only just opened is none yet. */
function unlessEmpty(error: unknown): null {
  if (error instanceof Mp4Error) return null;
  throw error;
}

/** Counters of the pictures that a host has on its disk and nowhere else: what must be in the archive later. */
async function picturesIn(site: Site, name: string, cameraId: string): Promise<number[]> {
  const counters: number[] = [];
  for (const level of ['closed', 'open']) {
    for (const file of await filesBelow(path.join(site.dir, name, level, cameraId))) {
      const copy = path.join(site.dir, `${randomUUID()}.mp4`);
      await copyFile(file, copy);
      const index = await readIndex(copy).catch(unlessEmpty);
      if (index === null || index.fragments.length === 0) continue;
      await truncate(copy, index.wholeBytes);
      counters.push(...(await readFrameCounters(copy)));
    }
  }
  return counters;
}

/** Nothing of the camera is left to be done on this host. */
async function untilSettled(site: Site, name: string, cameraId: string): Promise<void> {
  await patiently(`${name} has committed all`, async () => {
    const folders = ['open', 'closed'].map((level) => path.join(site.dir, name, level, cameraId));
    return (await Promise.all(folders.map(filesBelow))).flat().length === 0;
  });
}

/** Pictures that are missing without a gap that explains them, or double. */
async function check({ site, camera }: Stage, cameraId: string): Promise<CheckReport> {
  return checkArchive({
    pool: site.database.pool,
    s3: site.s3,
    cameras: [shownFrames(cameraId, camera)],
    gapsOf: async () => (await site.gaps(cameraId)).map((gap) => ({ ...gap, endMs: gap.endMs ?? Infinity })),
  });
}

const clean = { ...sound, unexplainedMs: 0 };

/**
 * The recorder of that name goes on in this process until it has new footage, and ends in order; these pictures, which
 * its disk alone had, are in the archive then.
 */
async function expectRecovery(
  stage: Stage,
  name: string,
  { cameraId, pictures }: { cameraId: string; pictures: readonly number[] },
): Promise<void> {
  const { site } = stage;
  const recorder = await site.start(name);
  const startedMs = Date.now();
  await patiently('new footage', async () => (await site.segments(cameraId)).some((row) => row.startMs > startedMs));
  await recorder.get(cameraId)?.stop('unwanted');
  await untilSettled(site, name, cameraId);
  await patiently('all told', async () => recorder.stats().pendingWrites === 0);
  const kept = new Set(await readFrameCounters(await site.download(cameraId)));
  expect(pictures.filter((counter) => !kept.has(counter))).toEqual([]);
  expect(await check(stage, cameraId)).toMatchObject(clean);
}

/** The names of the failpoints in the code of a folder. */
async function failpointsIn(folderName: string): Promise<Set<string>> {
  const folder = new URL(`../../${folderName}/`, import.meta.url);
  const names = new Set<string>();
  for (const file of (await readdir(folder)).filter((name) => name.endsWith('.ts'))) {
    const source = await readFile(new URL(file, folder), 'utf8');
    for (const [, name = ''] of source.matchAll(/failpoint\)?\('([^']+)'\)/gi)) names.add(name);
  }
  return names;
}

test('the setting knows all failpoints, and says which there are where it is given another', async () => {
  const names = [...(await failpointsIn('recorder')), ...(await failpointsIn('activities'))];
  expect(failpointNames.toSorted()).toEqual([...new Set(names)].toSorted());
  expect(() => failpointOf('stroed:1')).toThrow(/no "stroed"; there are .*\bstored\b/);
});

test('the failpoints of the recorder are those that tests kill at', async () => {
  const names = await failpointsIn('recorder');
  expect([...names].toSorted()).toEqual([...here, ...Object.values(elsewhere).flat()].toSorted());
  for (const [file, killed] of Object.entries(elsewhere)) {
    const source = await readFile(new URL(file, import.meta.url), 'utf8');
    for (const name of killed) expect(source, file).toContain(`'${name}`);
  }
});

test.concurrent(
  'killed when a run is closed, before its folder is removed',
  async ({ onTestFinished }) => {
    const stage = await openStage(onTestFinished);
    const { site, camera, start } = stage;
    const cameraId = await site.addCamera(camera.url());
    // A first run that failed is closed too: on a loaded machine it may take another start until there is footage.
    let killed = start('a', { cameraIds: [cameraId], killAt: 'run-closed:1' });
    await patiently('segments', async () => {
      if (killed.child.signalCode !== null) killed = start('a', { killAt: 'run-closed:1' });
      return (await site.segments(cameraId)).length >= 2;
    });
    camera.dropAll('eof');
    expect(await killed.exited).toBe('SIGKILL');
    const pictures = await picturesIn(site, 'a', cameraId);
    await expectRecovery(stage, 'a', { cameraId, pictures });
  },
  3 * patienceMs,
);

test.concurrent(
  'killed in each step of the salvage of a killed recorder, one after the other',
  async ({ onTestFinished }) => {
    const stage = await openStage(onTestFinished);
    const { site, camera, start } = stage;
    const cameraId = await site.addCamera(camera.url());
    const { child, exited } = start('a', { cameraIds: [cameraId] });
    await patiently('segments', async () => (await site.segments(cameraId)).length >= 2);
    child.kill('SIGKILL');
    await exited;
    await sleep(1500); // its ffmpeg ends with its connection
    const pictures = await picturesIn(site, 'a', cameraId);
    expect(pictures.length).toBeGreaterThan(0);
    for (const step of ['salvage', 'placed', 'closed', 'run-closed']) {
      const isWorkers = step === 'closed'; // as a fault test of a whole system has it
      expect(await start('a', { killAt: `${step}:1`, isWorkers }).exited, step).toBe('SIGKILL');
    }
    await expectRecovery(stage, 'a', { cameraId, pictures });
  },
  3 * patienceMs,
);

test.concurrent(
  'killed where two recordings meet: at the seam, and after each part of the cut',
  async ({ onTestFinished }) => {
    const stage = await openStage(onTestFinished);
    const { site, camera, start } = stage;
    const places = ['seam:1', 'cut:1', 'cut:2'];
    const ids = await Promise.all(places.map(() => site.addCamera(camera.url())));
    const fresh = await site.start('fresh');
    await Promise.all(
      ids.map(async (cameraId, place) => {
        const killAt = places[place] ?? '';
        const name = `old-${place}`;
        // One long file, so that the newer recording begins within it, wherever that is.
        const { exited } = start(name, { cameraIds: [cameraId], killAt, segmentSeconds: 300 });
        await patiently(`${killAt}: footage`, async () => (await picturesIn(site, name, cameraId)).length > 30);
        const newer = await fresh.ensure(cameraId, null);
        expect(await exited, killAt).toBe('SIGKILL');
        const back = await site.start(name);
        expect(back.get(cameraId), killAt).toBeUndefined(); // a newer epoch records
        await untilSettled(site, name, cameraId);
        await newer.stop('unwanted');
      }),
    );
    for (const [place, cameraId] of ids.entries()) {
      await untilSettled(site, 'fresh', cameraId);
      // The newer recording began before the older one ended: not one picture may be missing.
      expect(await check(stage, cameraId), places[place]).toMatchObject({ ...clean, missing: [] });
      expect(new Set((await site.segments(cameraId)).map((row) => row.epoch)).size, places[place]).toBe(2);
    }
  },
  3 * patienceMs,
);

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkSanity, entriesOf, totalTicks } from '../../domain/segment.ts';
import type { RecordOptions } from '../../media/ffmpeg-arguments.ts';
import { classifyStderr } from '../../media/ffmpeg-errors.ts';
import { readIndex } from '../../media/mp4-index.ts';
import { parameterSetsChangedAt } from '../../media/parameter-sets.ts';
import { startCamera, type SimulatedCamera } from '../support/camera/start-camera.ts';
import { followFrames, readFrameCounters } from '../support/frame-counter.ts';
import { recordCamera, type Recording } from './camera-recording.ts';
import { ffmpeg, makeFolder } from './footage.ts';

const minute = { maxDurationMs: 60_000 };
let folder: { path: string; remove: () => Promise<void> };
let camera: SimulatedCamera;

beforeAll(async () => {
  folder = await makeFolder();
  camera = await startCamera({
    clock: 'per-client',
    streams: {
      '/h264': {},
      '/hevc': { codec: 'hevc' },
      '/b-frames': { bFrames: 2 },
      '/slices': { slices: 4 },
      '/long-gop': { gopSeconds: 4 },
      '/changing': {},
    },
    faults: {
      '/stalls': { stallAfterMs: 2000 },
      '/ends': { endAfterMs: 2000 },
      '/resets': { endAfterMs: 2000, endBy: 'rst' },
      '/jitters': { jitterMs: 60, burstEveryMs: 400 },
      '/changing': { changeTo: { width: 640, height: 360 }, changeAfterMs: 2500 },
    },
    ffmpeg,
  });
}, 120_000);

afterAll(async () => {
  await camera.close();
  await folder.remove();
});

function record(path: string, forMs: number, options: Partial<RecordOptions> = {}, from = camera): Promise<Recording> {
  return recordCamera(folder.path, from, path, forMs, options);
}

/** Every frame is there once, and the time of the frames is the time of the files, to the tick. */
async function expectWhole({ paths, indexes, stderr }: Recording, path: string, toleranceTicks = 0): Promise<void> {
  if (indexes.length < 2) throw new Error(stderr.join('\n'));
  const counters = await readFrameCounters(paths);
  const { missing, duplicated, reordered } = followFrames(counters, camera.loop(path).frames);
  expect({ missing, duplicated, reordered }).toEqual({ missing: [], duplicated: [], reordered: [] });
  expect(counters).toHaveLength(
    indexes.flatMap(({ fragments }) => fragments).reduce((sum, { samples }) => sum + samples, 0),
  );
  for (const [i, index] of indexes.entries()) {
    expect(checkSanity(index, minute)).toEqual([]);
    const next = indexes[i + 1]?.fragments[0]?.tfdt;
    const first = index.fragments[0]?.tfdt ?? Number.NaN;
    if (next !== undefined)
      expect(Math.abs(first + totalTicks(index.fragments) - next)).toBeLessThanOrEqual(toleranceTicks);
  }
}

const lengthMs = ({ indexes }: Recording) =>
  indexes.reduce((sum, { fragments, timescale }) => sum + (totalTicks(fragments) * 1000) / timescale, 0);

describe.concurrent('recording a camera', () => {
  it('keeps every frame of H.264', async () => {
    const recording = await record('/h264', 7000);
    expect(recording.exit).toMatchObject({ code: 255, requested: true });
    await expectWhole(recording, '/h264');
    expect(recording.indexes[0]?.fragments[0]?.tfdt).toBe(0);
    expect((totalTicks(recording.indexes[0]?.fragments ?? []) * 1000) / (recording.indexes[0]?.timescale ?? 1)).toBe(
      2000,
    );
  }, 30_000);

  it('keeps every frame of H.265, tagged as browsers want it', async () => {
    const recording = await record('/hevc', 7000, { codec: 'hevc' });
    await expectWhole(recording, '/hevc');
    expect(recording.indexes[0]?.video.codecTag).toMatch(/^hvc1\./);
  }, 30_000);

  it.each([3_600_000, -3_600_000])(
    'pain 14: a clock step of %i ms bends no time and loses no frame, with sound or without',
    async (jumpMs) => {
      const own = await startCamera({
        streams: { '/plain': {}, '/pcma': { audio: 'pcma' }, '/aac': { audio: 'aac' } },
        clock: 'per-client',
        ffmpeg,
      });
      try {
        const recordings = Promise.all([
          record('/plain', 8000, {}, own),
          record('/pcma', 8000, { audio: 'aac', audioCodec: 'pcm_alaw' }, own),
          record('/aac', 8000, { audio: 'aac', audioCodec: 'aac' }, own),
        ]);
        await sleep(4000);
        own.jumpClock(jumpMs);
        const [plain, pcma, aac] = await recordings;
        await expectWhole(plain, '/h264');
        for (const recording of [pcma, aac]) {
          // Times of two tracks come by way of the camera's NTP clock and are rounded.
          await expectWhole(recording, '/h264', 200);
          for (const { audioCodec, audioLagMs } of recording.indexes) {
            expect(audioCodec).toBe('aac');
            expect(Math.abs(audioLagMs ?? Number.NaN)).toBeLessThan(250);
          }
        }
        for (const recording of [plain, pcma, aac]) expect(lengthMs(recording)).toBeLessThan(9000);
      } finally {
        await own.close();
      }
    },
    40_000,
  );

  it('keeps the cadence of a camera whose network jitters and bursts', async () => {
    const recording = await record('/jitters', 6000);
    await expectWhole(recording, '/jitters');
    const frameTicks = (recording.indexes[0]?.timescale ?? 0) / 15;
    for (const { fragments } of recording.indexes) expect(totalTicks(fragments) % frameTicks).toBe(0);
  }, 30_000);

  it('gives B-frames decode times a browser can take; the one break comes after the first file', async () => {
    const { paths, indexes } = await record('/b-frames', 8000);
    const counters = await readFrameCounters(paths);
    const { missing, duplicated, indexes: shown } = followFrames(counters, camera.loop('/b-frames').frames);
    // The end may fall between a P-frame and the B-frames that are shown before it.
    const end = Math.max(...shown) - 3;
    expect({ missing: missing.filter((frame) => frame < end), duplicated }).toEqual({ missing: [], duplicated: [] });
    expect(indexes[0]?.fragments[0]?.tfdt).toBe(0);
    for (const index of indexes) {
      expect(index.reordered).toBe(true);
      expect(checkSanity(index, minute)).toEqual([]);
    }
    const frameTicks = (indexes[0]?.timescale ?? 0) / 15;
    const breaks = indexes.slice(1).map(({ fragments }, i) => {
      const before = indexes[i]?.fragments ?? [];
      return ((fragments[0]?.tfdt ?? 0) - (before[0]?.tfdt ?? 0) - totalTicks(before)) / frameTicks;
    });
    expect(breaks).toEqual([2, ...breaks.slice(1).map(() => 0)]);
  }, 30_000);

  it('makes whole entries of multi-slice streams', async () => {
    const recording = await record('/slices', 6000);
    await expectWhole(recording, '/slices');
    for (const { fragments, timescale } of recording.indexes.slice(0, -1)) {
      expect(entriesOf(fragments, timescale, 2000).map(({ ms }) => ms)).toEqual([2000]);
    }
  }, 30_000);

  it('has fragments of 1 s inside a long GOP, and one entry', async () => {
    const recording = await record('/long-gop', 10_000);
    const [{ fragments, timescale } = { fragments: [], timescale: 1 }] = recording.indexes;
    expect(fragments).toHaveLength(4);
    expect(fragments.filter(({ key }) => key)).toHaveLength(1);
    expect(entriesOf(fragments, timescale, 4000)).toHaveLength(1);
  }, 30_000);

  it('sees that the picture size has changed, from the key on at which it did', async () => {
    const recording = await record('/changing', 7000, { segmentSeconds: 60 });
    const [index] = recording.indexes;
    if (index === undefined) throw new Error('nothing was recorded');
    const at = await parameterSetsChangedAt(recording.paths[0] ?? '', index);
    expect(index.video.width).toBe(320);
    expect(at).toBeGreaterThan(0);
    expect(index.fragments[at ?? 0]?.key).toBe(true);
  }, 30_000);

  it.each([
    ['/stalls', 'stalled'],
    ['/ends', null],
    ['/resets', null],
  ])(
    'ends with exit 0 that nobody asked for: %s',
    async (path, reason) => {
      const { exit, stderr, indexes } = await record(path, 15_000, { timeoutMs: 1000 });
      expect(exit).toEqual({ code: 0, signal: null, requested: false, error: null });
      expect(classifyStderr(stderr)?.reason ?? null).toBe(reason);
      expect(indexes.length).toBeGreaterThan(0);
    },
    30_000,
  );
});

it('pain 6: ffmpeg does not outlive a recorder that is killed, for its socket dies with it', async () => {
  const dir = join(folder.path, 'killed');
  await mkdir(dir);
  const script = fileURLToPath(new URL('recorder-process.ts', import.meta.url));
  const recorder = spawn(process.execPath, ['--import', 'tsx', script, dir, ffmpeg], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const pid = Number.parseInt(String(await once(recorder.stdout, 'data')), 10);
  expect(existsSync(`/proc/${pid}`)).toBe(true);
  recorder.kill('SIGKILL');
  await expect.poll(() => existsSync(`/proc/${pid}`) && !isZombie(pid), { timeout: 10_000 }).toBe(false);
  // What it was writing is finished: it saw the end of its input, not a signal.
  const names = await readdir(dir);
  for (const name of names) expect((await readIndex(join(dir, name))).wholeBytes).toBeGreaterThan(0);
}, 30_000);

/** In a container nobody may wait for an orphan: it is over all the same. */
function isZombie(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return true;
  }
}

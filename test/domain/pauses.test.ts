import { expect, test } from 'vitest';
import { pausesIn, type PictureTimes } from '../../domain/pauses.ts';

const timescale = 90_000;
const seconds = (s: number): number => s * timescale;
/** A file at 25 fps with pictures from 100 s of media time on, of which the last is at `lastS` after that. */
const file = (lastS: number, steps: [number, number][], fps = 25): PictureTimes => ({
  timescale,
  fps,
  fragments: [
    { offset: 0, bytes: 1, tfdt: seconds(100), durationTicks: 1, samples: 1, key: true, keyBytes: 1, sampleBytes: 1 },
  ],
  longSteps: steps.map(([fromS, toS]) => ({ fromTicks: seconds(100 + fromS), toTicks: seconds(100 + toS) })),
  lastSampleTicks: seconds(100 + lastS),
});
const place = { startMs: 1_000_000, durationMs: 10_000 };

test('a pause lasts from the end of a usual picture to the next one', () => {
  expect(pausesIn(file(9.96, [[3, 7]]), place)).toEqual([{ startMs: 1_003_040, endMs: 1_007_000 }]);
  expect(pausesIn(file(9.96, [[3, 4.99]]), place)).toEqual([]);
});

test('what follows the last picture is one too, unless the file was moved to meet others', () => {
  expect(pausesIn(file(4, []), place)).toEqual([{ startMs: 1_004_040, endMs: 1_010_000 }]);
  expect(pausesIn(file(4, [[0, 3]]), { ...place, recordedMs: 999_000 })).toEqual([
    { startMs: 1_000_040, endMs: 1_003_000 },
  ]);
});

test('a slow camera does not pause between its pictures, and one of no known rate tells nothing', () => {
  expect(pausesIn(file(8, [[0, 4]], 1), place)).toEqual([]);
  expect(pausesIn(file(9.5, [[0, 6]], 1), place)).toEqual([{ startMs: 1_001_000, endMs: 1_006_000 }]);
  expect(pausesIn(file(4, [[0, 4]], 0), place)).toEqual([]);
});

test('a pause does not reach out of its row', () => {
  expect(pausesIn(file(10.5, [[8, 10.5]]), place)).toEqual([{ startMs: 1_008_040, endMs: 1_010_000 }]);
});

test('a camera whose clock was set ahead has not paused: its row lasts as long as its pictures took to come', () => {
  expect(pausesIn(file(14.96, [[3, 8]]), place)).toEqual([]);
});

import { expect, test } from 'vitest';
import { hiddenByClockMs } from '../../scripts/bench/chaos-figures.ts';
import type { MissingRun } from '../support/missing-pictures.ts';

const run: MissingRun = {
  cameraId: 'camera',
  startMs: 50_000,
  endMs: 52_000,
  holeMs: 0,
  aheadMs: 1500,
  reasons: [],
  unexplainedMs: 2000,
};
const report = { missing: [run] };

test('a clock excuses unexplained time only after the run has set one ahead', () => {
  const fault = { startMs: 40_000, endMs: 41_000 };
  expect(hiddenByClockMs(report, [])).toBe(0);
  expect(hiddenByClockMs(report, [{ kind: 'clock-step', ...fault }])).toBe(0);
  expect(hiddenByClockMs(report, [{ kind: 'clock-ahead', startMs: 60_000, endMs: 61_000 }])).toBe(0);
  expect(hiddenByClockMs(report, [{ kind: 'clock-ahead', ...fault }])).toBe(1500);
});

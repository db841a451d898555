import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  isPoisoned,
  retryAfterMs,
  unbrokenRuns,
  windowStartOf,
  type WindowSegment,
} from '../../domain/finish-window.ts';

/** Segments in order of time, mostly one after the other. */
const timeline = fc
  .array(
    fc.record({
      durationMs: fc.integer({ min: 1, max: 120_000 }),
      holeMs: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 5000 })),
      epochStep: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.constant(1)),
      anchor: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, fc.constant(true)),
      initSha256: fc.constantFrom('a', 'a', 'a', 'b'),
    }),
    { maxLength: 30 },
  )
  .map((items) => {
    let startMs = 1_000_000;
    let epoch = 1;
    return items.map(({ durationMs, holeMs, epochStep, anchor, initSha256 }): WindowSegment => {
      startMs += holeMs;
      epoch += epochStep;
      const segment = { startMs, durationMs, epoch, anchor, initSha256 };
      startMs += durationMs;
      return segment;
    });
  });

test('runs hold every segment once and in order', () => {
  fc.assert(
    fc.property(timeline, (segments) => {
      const runs = unbrokenRuns(segments);
      expect(runs.flat()).toEqual(segments);
      expect(runs.every((run) => run.length > 0)).toBe(true);
    }),
  );
});

test('within a run nothing is missing and nothing changes, and runs are as long as they can be', () => {
  const joins = (before: WindowSegment, segment: WindowSegment): boolean =>
    before.startMs + before.durationMs === segment.startMs &&
    !segment.anchor &&
    before.epoch === segment.epoch &&
    before.initSha256 === segment.initSha256;
  fc.assert(
    fc.property(timeline, (segments) => {
      const runs = unbrokenRuns(segments);
      for (const run of runs) {
        run.slice(1).forEach((segment, i) => expect(joins(run[i] as WindowSegment, segment)).toBe(true));
      }
      runs.slice(1).forEach((run, i) => {
        const before = runs[i]?.at(-1);
        expect(joins(before as WindowSegment, run[0] as WindowSegment)).toBe(false);
      });
    }),
  );
});

test('windows tile the time, and each segment belongs to the one it starts in', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 4_102_444_800_000 }),
      fc.integer({ min: 1, max: 3000 }),
      (startMs, seconds) => {
        const windowMs = seconds * 1000;
        const windowStartMs = windowStartOf(startMs, windowMs);
        expect(windowStartMs % windowMs).toBe(0);
        expect(startMs - windowStartMs).toBeGreaterThanOrEqual(0);
        expect(startMs - windowStartMs).toBeLessThan(windowMs);
      },
    ),
  );
});

const failure = (host: string, kind = 'bad-result') => ({ host, failure: kind, text: '', atMs: 0 });

test('a window is parked after the same failure on three hosts', () => {
  expect(isPoisoned([failure('a'), failure('b')], 5)).toBe(false);
  expect(isPoisoned([failure('a'), failure('b'), failure('c')], 5)).toBe(true);
  expect(isPoisoned([failure('a'), failure('b'), failure('c', 'bad-source')], 5)).toBe(false);
  expect(isPoisoned([failure('a'), failure('a'), failure('a')], 5)).toBe(false);
});

test('where there are fewer hosts, all of them must agree; luck is not waited for', () => {
  expect(isPoisoned([failure('a'), failure('a')], 1)).toBe(false);
  expect(isPoisoned([failure('a'), failure('a'), failure('a')], 1)).toBe(true);
  expect(isPoisoned([failure('a'), failure('a'), failure('b')], 2)).toBe(true);
  expect(
    isPoisoned(
      Array.from({ length: 6 }, () => failure('a')),
      5,
    ),
  ).toBe(true);
  expect(isPoisoned([], 1)).toBe(false);
});

test('it waits longer each time', () => {
  expect([1, 2, 3, 6, 20].map(retryAfterMs)).toEqual([30_000, 60_000, 120_000, 600_000, 600_000]);
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  anchorClock,
  earliestStart,
  offsetToKeep,
  followArchive,
  placeSegment,
  type Archive,
  type Placement,
} from '../../domain/wall-clock.ts';
import { delays, endOf, lengths, placeAll, startMs } from './placed-segments.ts';

test('segments never overlap and have whole, positive lengths, whatever the delays and clocks do', () => {
  const step = fc.record({ segment: fc.nat(60), ms: fc.integer({ min: -7_200_000, max: 7_200_000 }) });
  fc.assert(
    fc.property(
      lengths,
      delays,
      fc.double({ min: 0.98, max: 1.02, noNaN: true }),
      step,
      (lengthsMs, delaysMs, rate, hostStep) => {
        const placed = placeAll({ lengthsMs, delaysMs, rate, hostStep });
        placed.forEach((segment, i) => {
          expect(Number.isInteger(segment.startMs) && Number.isInteger(segment.durationMs)).toBe(true);
          expect(segment.durationMs).toBeGreaterThan(0);
          const previous = placed[i - 1];
          if (previous === undefined) expect(segment.anchor).toBe(true);
          else if (segment.anchor) expect(segment.startMs).toBeGreaterThan(endOf(previous));
          else expect(segment.startMs).toBe(endOf(previous));
        });
      },
    ),
  );
});

test('delays bend no time: lengths differ from the media by the slew at most', () => {
  const upTo900 = fc.array(fc.integer({ min: 0, max: 900 }), { minLength: 60, maxLength: 60 });
  fc.assert(
    fc.property(lengths, upTo900, (lengthsMs, delaysMs) => {
      placeAll({ lengthsMs, delaysMs }).forEach((segment, i) => {
        const mediaMs = lengthsMs[i] ?? 0;
        expect(Math.abs(segment.durationMs - mediaMs)).toBeLessThanOrEqual(Math.max(20, mediaMs * 0.002) + 1.01);
        expect(segment.anchor).toBe(i === 0);
      });
    }),
  );
});

test('rounding does not add up: 10,000 segments of 33.367 ms frames end where the media ends', () => {
  const lengthsMs = Array.from({ length: 10_000 }, () => 60 * 33.3667);
  const last = placeAll({ lengthsMs }).at(-1);
  expect(Math.abs((last === undefined ? 0 : endOf(last)) - startMs - 10_000 * 60 * 33.3667)).toBeLessThan(2);
});

test('a camera clock off by 500 ppm is followed for a day without a step', () => {
  const lengthsMs = Array.from({ length: 1440 }, () => 60_000);
  for (const rate of [0.9995, 1.0005]) {
    const placed = placeAll({ lengthsMs, rate });
    expect(placed.filter((segment) => segment.anchor).length).toBe(1);
    const last = placed.at(-1);
    expect(Math.abs((last === undefined ? 0 : endOf(last)) - startMs - 86_400_000 * rate)).toBeLessThan(300);
  }
});

test('a host clock set forward starts a new timeline once; set back it never does', () => {
  const lengthsMs = Array.from({ length: 30 }, () => 10_000);
  const forward = placeAll({ lengthsMs, hostStep: { segment: 10, ms: 3_600_000 } });
  expect(forward.filter((segment) => segment.anchor).length).toBe(2);
  expect(endOf(forward.at(-1) as Placement) - startMs).toBeGreaterThan(3_600_000);
  const back = placeAll({ lengthsMs, hostStep: { segment: 10, ms: -3_600_000 } });
  expect(back.filter((segment) => segment.anchor).length).toBe(1);
});

test('one late segment is no drift', () => {
  const placed = placeAll({ lengthsMs: Array.from({ length: 9 }, () => 10_000), delaysMs: [0, 0, 0, 0, 5000] });
  expect(placed.map((segment) => segment.durationMs)).toEqual(Array.from({ length: 9 }, () => 10_000));
});

test('a camera that sends what it has buffered at once starts where its first picture belongs', () => {
  const clock = anchorClock(startMs, 0, null);
  const placed = placeSegment(
    clock,
    { mediaStartMs: 0, mediaEndMs: 4000, arrivalMs: startMs + 2500, pace: null },
    null,
  );
  expect(placed.startMs).toBe(startMs - 1500);
});

test('what comes after a file that was put aside starts where its own pictures belong, and its row holds no more', () => {
  const clock = placeSegment(
    anchorClock(startMs, 0, null),
    { mediaStartMs: 0, mediaEndMs: 4000, arrivalMs: startMs + 4000, pace: null },
    null,
  ).clock;
  const third = { mediaStartMs: 8000, mediaEndMs: 12_000, arrivalMs: null, pace: null };
  const placed = placeSegment(clock, { ...third, isAfterLoss: true }, null);
  expect(placed).toMatchObject({ startMs: startMs + 8000, durationMs: 4000, anchor: true });
});

test('a break lasts as long in the archive as it did, wherever the host clock was set meanwhile', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 60_000 }),
      fc.integer({ min: -7_200_000, max: 7_200_000 }),
      (breakMs, setMs) => {
        // Footage ends where the host's clock was then, and nobody saw by how much that was off.
        const archive = [5900, 5000, 5100].reduce<Archive>(followArchive, { lastEndMs: startMs, offsetsMs: [] });
        const arrivalMs = startMs + breakMs + setMs;
        const notBeforeMs = earliestStart(archive, { arrivalMs, steadyMs: 5000 + breakMs }) ?? 0;
        const begins = anchorClock(arrivalMs, 0, notBeforeMs).offsetMs;
        // Set back by up to a second it is followed; set forward, the hole grows by that.
        expect(begins).toBe(setMs < -1000 ? startMs + breakMs : Math.max(startMs, arrivalMs));
      },
    ),
  );
  expect(earliestStart({ lastEndMs: startMs, offsetsMs: [] }, { arrivalMs: 0, steadyMs: 0 })).toBe(startMs);
  // A restart may know the offset before it knows where its footage ends.
  const resumed = { lastEndMs: null, offsetsMs: [startMs] };
  expect(earliestStart(resumed, { arrivalMs: startMs - 20_000, steadyMs: 5 })).toBe(startMs + 5);
  expect(earliestStart(resumed, { arrivalMs: startMs + 20_000, steadyMs: 5 })).toBeNull();
});

test('where the archive is gets written down at first, and when it has moved by more than jitter', () => {
  expect(offsetToKeep([], null)).toBeNull();
  expect(offsetToKeep([900, 1000, 950], null)).toBe(1000);
  expect(offsetToKeep([1000, 1200], 1000)).toBeNull();
  expect(offsetToKeep([1000, 21_000], 1000)).toBe(21_000);
  expect(offsetToKeep([700, 650], 1000)).toBe(700);
});

test('a new run never starts before the end of the last one', () => {
  fc.assert(
    fc.property(fc.integer({ min: -10_000, max: 7_200_000 }), (aheadMs) => {
      const notBeforeMs = startMs + aheadMs;
      const [first] = placeAll({ lengthsMs: [4000], notBeforeMs });
      expect(first?.startMs).toBe(Math.max(startMs, notBeforeMs));
    }),
  );
});

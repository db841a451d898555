import fc from 'fast-check';
import { expect, test } from 'vitest';
import { runsAway } from '../../domain/wall-clock.ts';
import { endOf, lengths, placeAll, startMs } from './placed-segments.ts';

test('picture times that run away are noticed and squeezed into the time that really passed', () => {
  const seen = { mediaStartMs: 0, mediaEndMs: 20_000, arrivalMs: 0 };
  expect(runsAway({ ...seen, pace: { elapsedMs: 10_000, aheadMs: 10_000 } })).toBe(true);
  expect(runsAway({ ...seen, pace: { elapsedMs: 14_000, aheadMs: 6000 } })).toBe(false);
  expect(runsAway({ ...seen, mediaEndMs: 2000, pace: { elapsedMs: 1100, aheadMs: 900 } })).toBe(false);
  expect(runsAway({ ...seen, pace: null })).toBe(false);
  const placed = placeAll({ lengthsMs: Array.from({ length: 20 }, () => 20_000), rate: 0.5 });
  expect(placed.filter((segment) => segment.anchor).length).toBe(1);
  expect(placed.slice(1).every((segment) => segment.isRunaway)).toBe(true);
  const last = placed.at(-1);
  expect(Math.abs((last === undefined ? 0 : endOf(last)) - startMs - 200_000)).toBeLessThan(2000);
});

test('short segments that run away are noticed within seconds, though their ends are seen with jitter', () => {
  const jitterMs = fc.array(fc.integer({ min: 0, max: 900 }), { minLength: 20, maxLength: 20 });
  fc.assert(
    fc.property(jitterMs, (delaysMs) => {
      // B-frames counted double: 2 s of media take 1.2 s.
      const placed = placeAll({ lengthsMs: Array.from({ length: 20 }, () => 2000), delaysMs, rate: 0.6 });
      expect(placed.slice(0, 5).some((segment) => segment.isRunaway)).toBe(true);
    }),
  );
});

test('a camera whose clock is 3 % fast is kept in its place and goes on', () => {
  const placed = placeAll({ lengthsMs: Array.from({ length: 500 }, () => 60_000), rate: 0.97 });
  expect(placed.filter((segment) => segment.isRunaway)).toEqual([]);
  const last = placed.at(-1);
  expect(Math.abs((last === undefined ? 0 : endOf(last)) - startMs - 500 * 60_000 * 0.97)).toBeLessThan(2500);
});

const span = fc.tuple(fc.integer({ min: 0, max: 300_000 }), fc.integer({ min: 0, max: 60_000 }));

/** Delays of ends that cannot be seen during stalls [start, length): all of a stall's are seen at its end. */
function heldUp(lengthsMs: number[], stalls: [number, number][], jitterMs: number[]): number[] {
  let mediaMs = 0;
  let lastSeenMs = 0;
  return lengthsMs.map((lengthMs, i) => {
    mediaMs += lengthMs;
    let seenMs = Math.max(lastSeenMs, mediaMs + (jitterMs[i] ?? 0));
    for (const [from, forMs] of stalls.toSorted((a, b) => a[0] - b[0])) {
      if (seenMs >= from && seenMs < from + forMs) seenMs = from + forMs;
    }
    lastSeenMs = seenMs;
    return seenMs - mediaMs;
  });
}

const jitter = fc.array(fc.integer({ min: 0, max: 900 }), { minLength: 60, maxLength: 60 });

test('pictures that were held up and come in bursts never count as running away, whatever stalls there are', () => {
  fc.assert(
    fc.property(lengths, fc.array(span, { maxLength: 6 }), jitter, (lengthsMs, stalls, jitterMs) => {
      const placed = placeAll({ lengthsMs, delaysMs: heldUp(lengthsMs, stalls, jitterMs) });
      expect(placed.filter((segment) => segment.isRunaway)).toEqual([]);
    }),
  );
});

test('a stall, however long, moves no footage: neither a new timeline nor another length', () => {
  fc.assert(
    fc.property(lengths, span, jitter, (lengthsMs, stall, jitterMs) => {
      // From the first segment on: before it the stall is part of the connect.
      const from = Math.max(stall[0], (lengthsMs[0] ?? 0) + 1000);
      const placed = placeAll({ lengthsMs, delaysMs: heldUp(lengthsMs, [[from, stall[1]]], jitterMs) });
      placed.forEach((segment, i) => {
        const mediaMs = lengthsMs[i] ?? 0;
        expect(Math.abs(segment.durationMs - mediaMs)).toBeLessThanOrEqual(Math.max(20, mediaMs * 0.002) + 1.01);
        expect(segment.anchor).toBe(i === 0);
      });
    }),
  );
});

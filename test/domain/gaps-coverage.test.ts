import fc from 'fast-check';
import { expect, test } from 'vitest';
import { coverage, subtract, wantedTime } from '../../domain/coverage.ts';
import type { Hole } from '../../domain/gaps.ts';

const ranges: fc.Arbitrary<Hole[]> = fc.array(
  fc
    .tuple(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 60 }))
    .map(([startMs, lengthMs]) => ({ startMs, endMs: startMs + lengthMs })),
  { maxLength: 8 },
);

/** Each ms on its own: slow and hard to get wrong. */
function instants(given: readonly Hole[]): Set<number> {
  const found = new Set<number>();
  for (const range of given) for (let ms = range.startMs; ms < range.endMs; ms += 1) found.add(ms);
  return found;
}

test('coverage counts each wanted instant once', () => {
  fc.assert(
    fc.property(ranges, ranges, (footage, wanted) => {
      const wantedInstants = instants(wanted);
      const recorded = [...instants(footage)].filter((ms) => wantedInstants.has(ms)).length;
      expect(coverage(footage, wanted)).toEqual({
        wantedMs: wantedInstants.size,
        recordedMs: recorded,
        ratio: wantedInstants.size === 0 ? null : recorded / wantedInstants.size,
      });
    }),
  );
});

test('what is subtracted is gone and the rest stays, sorted and apart', () => {
  fc.assert(
    fc.property(ranges, ranges, (from, what) => {
      const left = subtract(from, what);
      const gone = instants(what);
      expect(instants(left)).toEqual(
        new Set([...instants(from)].filter((ms) => !gone.has(ms)).toSorted((a, b) => a - b)),
      );
      for (const [i, range] of left.entries()) {
        expect(range.endMs).toBeGreaterThan(range.startMs);
        expect(range.startMs).toBeGreaterThan(left[i - 1]?.endMs ?? -1);
      }
    }),
  );
});

test('paused time is not wanted, other gaps are', () => {
  const claims = [
    { startMs: 20, endMs: 30, reason: 'paused' as const, evidence: {} },
    { startMs: 40, endMs: 50, reason: 'unreachable' as const, evidence: {} },
    { startMs: 90, endMs: null, reason: 'paused' as const, evidence: {} },
  ];
  expect(wantedTime({ startMs: 0, endMs: 100 }, claims)).toEqual([
    { startMs: 0, endMs: 20 },
    { startMs: 30, endMs: 90 },
  ]);
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { coverage, explainedCoverage, subtract, utcDays, wantedTime } from '../../domain/coverage.ts';
import type { GapClaim, Hole } from '../../domain/gaps.ts';

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

const claims: fc.Arbitrary<GapClaim[]> = fc.array(
  fc
    .tuple(
      fc.integer({ min: 0, max: 4000 }),
      fc.integer({ min: 0, max: 2000 }),
      fc.constantFrom('paused' as const, 'auth' as const, 'stalled' as const),
      fc.boolean(),
    )
    .map(([startMs, lengthMs, reason, open]) => ({
      startMs,
      endMs: open ? null : startMs + lengthMs,
      reason,
      evidence: {},
    })),
  { maxLength: 6 },
);
const longRanges = ranges.map((all) => all.map(({ startMs, endMs }) => ({ startMs: startMs * 20, endMs: endMs * 20 })));

test('what was wanted is recorded or lost for a reason, to the millisecond; paused time is neither', () => {
  fc.assert(
    fc.property(longRanges, claims, (holes, given) => {
      const range = { startMs: 500, endMs: 4500 };
      const { wantedMs, recordedMs, gaps, lostMs } = explainedCoverage(range, holes, given, 5000);
      const lost = Object.values(lostMs).reduce((sum, ms) => sum + ms, 0);
      expect(wantedMs - recordedMs).toBe(lost);
      expect(lostMs).not.toHaveProperty('paused');
      expect(gaps === 0).toBe(lost === 0);
    }),
  );
});

test('days are cut at UTC midnight, also on the days when clocks change and on leap days', () => {
  const startMs = Date.UTC(2028, 1, 28, 12);
  const cut = utcDays({ startMs, endMs: Date.UTC(2028, 2, 1, 1) });
  expect(cut.map((day) => new Date(day.startMs).toISOString())).toEqual([
    '2028-02-28T12:00:00.000Z',
    '2028-02-29T00:00:00.000Z',
    '2028-03-01T00:00:00.000Z',
  ]);
  for (const day of utcDays({ startMs: Date.UTC(2026, 2, 27), endMs: Date.UTC(2026, 10, 3) })) {
    expect(day.endMs - day.startMs).toBe(24 * 3600 * 1000);
  }
});

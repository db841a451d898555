import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dueWithin } from '../../domain/due-time.ts';
import { cutoffMs, dayMs, type RetentionTerms } from '../../domain/retention.ts';

const nowMs = Date.UTC(2026, 10, 24);
const hour = 3_600_000;
const offset = fc.integer({ min: -2 * hour, max: 2 * hour });
/** A pause that is over or lasts, and a shorter retention, perhaps in force within the stretch. */
const anyTerms = fc
  .record({
    pauseMs: offset,
    pausedMs: fc.option(fc.integer({ min: 1, max: hour })),
    voidMs: fc.option(offset),
    nextMs: fc.option(offset),
  })
  .map(({ pauseMs, pausedMs, voidMs, nextMs }): RetentionTerms => ({
    days: 2,
    next: nextMs === null ? null : { days: 1, atMs: nowMs + nextMs, sooner: [] },
    pauses: [
      pausedMs === null
        ? { startMs: nowMs + pauseMs, endMs: null, voidFromMs: voidMs === null ? undefined : nowMs + voidMs }
        : { startMs: nowMs + pauseMs, endMs: nowMs + pauseMs + pausedMs },
    ],
  }));

test('footage is due from the millisecond on that is found, and not before', () => {
  const ends = fc.tuple(fc.constantFrom(1, 2), offset).map(([days, ms]) => nowMs - days * dayMs + ms);
  fc.assert(
    fc.property(anyTerms, ends, fc.integer({ min: 1, max: 2 * hour }), (terms, endMs, lengthMs) => {
      const stretch = { fromMs: nowMs, toMs: nowMs + lengthMs };
      const dueMs = dueWithin(terms, endMs, stretch);
      const isDue = (atMs: number): boolean => endMs <= cutoffMs(terms, atMs);
      expect(dueMs === stretch.toMs || isDue(dueMs)).toBe(true);
      expect(dueMs === stretch.fromMs || !isDue(dueMs - 1)).toBe(true);
    }),
  );
});

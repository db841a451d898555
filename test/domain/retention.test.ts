import fc from 'fast-check';
import { expect, test } from 'vitest';
import { holdState } from '../../domain/holds.ts';
import { retentionMonths } from '../../domain/price.ts';
import {
  changeOfGraceArchive,
  changeOfRetention,
  cutoffMs,
  dayMs,
  daysOfMonths,
  retentionInForce,
  shorteningDelayMs,
  type GraceTerms,
  type RetentionPause,
  type RetentionTerms,
} from '../../domain/retention.ts';

const nowMs = Date.UTC(2026, 10, 24);

/** Pauses in order and apart, the last one perhaps open. */
const pauses = fc
  .tuple(fc.uniqueArray(fc.integer({ min: -500, max: -1 }), { maxLength: 9 }), fc.boolean())
  .map(([points, isOpen]) => {
    const sorted = points.toSorted((a, b) => a - b).map((day) => nowMs + day * dayMs);
    const found: RetentionPause[] = [];
    for (let i = 0; i < sorted.length; i += 2) {
      const endMs = sorted[i + 1] ?? null;
      if (endMs !== null || isOpen) found.push({ startMs: sorted[i] ?? 0, endMs });
    }
    return found;
  });
const days = fc.integer({ min: 1, max: 366 });

/** Age by definition: what of the time since then was no pause. */
function ageMs(instantMs: number, atMs: number, given: readonly RetentionPause[]): number {
  const paused = given.map(({ startMs, endMs }) =>
    Math.max(0, Math.min(endMs ?? atMs, atMs) - Math.max(startMs, instantMs)),
  );
  return atMs - instantMs - paused.reduce((sum, ms) => sum + ms, 0);
}

test('the cutoff is where the age is the retention, to the millisecond', () => {
  fc.assert(
    fc.property(days, pauses, (kept, given) => {
      const cutoff = cutoffMs({ days: kept, next: null, pauses: given }, nowMs);
      expect(ageMs(cutoff, nowMs, given)).toBe(kept * dayMs);
      expect(ageMs(cutoff + 1, nowMs, given)).toBeLessThan(kept * dayMs);
    }),
  );
});

test('the cutoff never goes back while the terms stay, and stands still in a pause', () => {
  fc.assert(
    fc.property(days, pauses, fc.nat(400 * dayMs), (kept, given, laterMs) => {
      const terms = { days: kept, next: null, pauses: given };
      const later = cutoffMs(terms, nowMs + laterMs);
      expect(later).toBeGreaterThanOrEqual(cutoffMs(terms, nowMs));
      if (given.at(-1)?.endMs === null) expect(later).toBe(cutoffMs(terms, nowMs));
    }),
  );
});

const byOneClock = (ms: number) => ({ earlierMs: ms, laterMs: ms });

test('a shorter retention holds after its delay, a longer one at once', () => {
  const terms = { days: 30, next: null, pauses: [] };
  const shorter = { ...terms, ...changeOfRetention(terms, 10, byOneClock(nowMs)) };
  const effectiveMs = nowMs + shorteningDelayMs;
  expect(cutoffMs(shorter, effectiveMs - 1)).toBe(effectiveMs - 1 - 30 * dayMs);
  expect(cutoffMs(shorter, effectiveMs)).toBe(effectiveMs - 10 * dayMs);
  expect(changeOfRetention(shorter, 60, byOneClock(nowMs))).toEqual({ days: 60, next: null });
  expect(changeOfRetention(shorter, 30, byOneClock(nowMs))).toEqual({ days: 30, next: null });
});

test('a shorter retention that is asked for each day comes no later, and one for less is new', () => {
  const plan = (...wishes: [days: number, atDay: number][]) =>
    wishes.reduce<Pick<RetentionTerms, 'days' | 'next'>>(
      (terms, [wanted, day]) => changeOfRetention(terms, wanted, byOneClock(nowMs + day * dayMs)),
      { days: 90, next: null },
    );
  const atMs = nowMs + shorteningDelayMs;
  expect(plan([30, 0], [30, 1], [30, 2])).toEqual({ days: 90, next: { days: 30, atMs, sooner: [] } });
  expect(plan([30, 0], [60, 2])).toEqual({ days: 90, next: { days: 60, atMs, sooner: [] } });
  const [thirty, twenty] = [
    { days: 30, atMs },
    { days: 20, atMs: atMs + 2 * dayMs },
  ];
  expect(plan([30, 0], [20, 2])).toEqual({ days: 90, next: { ...twenty, sooner: [thirty] } });
  const three = { days: 10, atMs: atMs + 2.5 * dayMs, sooner: [thirty, twenty] };
  expect(plan([30, 0], [20, 2], [10, 2.5])).toEqual({ days: 90, next: three });
  expect(plan([30, 0], [20, 2], [10, 2.5], [25, 2.6])).toEqual({
    days: 90,
    next: { days: 25, atMs: twenty.atMs, sooner: [thirty] },
  });
  expect(plan([30, 0], [20, 3])).toEqual({ days: 30, next: { days: 20, atMs: atMs + 3 * dayMs, sooner: [] } });
  expect(plan([30, 0], [60, 3])).toEqual({ days: 60, next: null });
  expect(plan([30, 400], [30, 0])).toEqual({ days: 90, next: { days: 30, atMs, sooner: [] } });
  const waiting = { days: 90, next: { days: 30, atMs, sooner: [] } };
  // Due by one clock alone it is not over.
  const clocks = { earlierMs: atMs - 1, laterMs: atMs + 400 * dayMs };
  expect(changeOfRetention(waiting, 90, clocks)).toEqual({ days: 90, next: null });
});

test('a repeated wish never moves the moment, and none brings back what expired and is older than it asks for', () => {
  const wish = fc.record({ days, afterMs: fc.integer({ min: 0, max: 5 * dayMs }) });
  fc.assert(
    fc.property(days, pauses, fc.array(wish, { minLength: 1, maxLength: 9 }), (kept, given, wishes) => {
      let terms: RetentionTerms = { days: kept, next: null, pauses: given };
      let atMs = nowMs;
      for (const { days: wanted, afterMs } of wishes) {
        atMs += afterMs;
        const changed = { ...terms, ...changeOfRetention(terms, wanted, byOneClock(atMs)) };
        const asked = cutoffMs({ days: wanted, next: null, pauses: given }, atMs);
        expect(cutoffMs(changed, atMs)).toBe(Math.min(cutoffMs(terms, atMs), asked));
        expect(changed.next === null || changed.next.atMs <= atMs + shorteningDelayMs).toBe(true);
        // Asked for again in the middle of the delay, and when it is over.
        for (const againMs of [atMs + dayMs, atMs + 2 * shorteningDelayMs]) {
          const again = { ...terms, ...changeOfRetention(changed, wanted, byOneClock(againMs)) };
          for (const ms of [againMs, atMs + shorteningDelayMs, atMs + 2 * shorteningDelayMs]) {
            if (ms >= againMs) expect(cutoffMs(again, ms)).toBe(cutoffMs(changed, ms));
          }
        }
        terms = changed;
      }
    }),
  );
});

test('wishes by turns do not put each other off: after the delay no more is kept than the longest of them', () => {
  const wish = fc.record({ days: fc.integer({ min: 1, max: 9 }), afterMs: fc.integer({ min: 0, max: 2 * dayMs }) });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.array(wish, { minLength: 1, maxLength: 12 }), (kept, wishes) => {
      let terms: Pick<RetentionTerms, 'days' | 'next'> = { days: kept, next: null };
      let atMs = nowMs;
      const asked: { days: number; atMs: number }[] = [];
      for (const { days: wanted, afterMs } of wishes) {
        atMs += afterMs;
        terms = changeOfRetention(terms, wanted, byOneClock(atMs));
        asked.push({ days: wanted, atMs });
        for (const [i, first] of asked.entries()) {
          const longest = Math.max(...asked.slice(i).map((one) => one.days));
          const lookMs = Math.max(atMs, first.atMs + shorteningDelayMs);
          expect(retentionInForce(terms, lookMs).days).toBeLessThanOrEqual(longest);
        }
        // Nor less than what was asked for by then and the wishes since, whose delay is not over.
        const recent = asked.filter((one) => one.atMs > atMs - shorteningDelayMs).map((one) => one.days);
        const before = asked.findLast((one) => one.atMs <= atMs - shorteningDelayMs)?.days ?? kept;
        expect(retentionInForce(terms, atMs).days).toBeGreaterThanOrEqual(Math.min(before, ...recent));
        const steps = terms.next === null ? [] : [...terms.next.sooner, terms.next];
        for (const [i, step] of steps.entries()) {
          expect(step.days).toBeLessThan(steps[i - 1]?.days ?? terms.days);
          expect(step.atMs).toBeGreaterThanOrEqual(steps[i - 1]?.atMs ?? 0);
        }
      }
    }),
  );
});

test('a frozen archive ages after the same delay, all of its time then; what keeps it holds at once', () => {
  const [frozen, rolling] = [
    { graceArchive: 'frozen', rollsAtMs: null },
    { graceArchive: 'rolling', rollsAtMs: null },
  ] as const;
  const waiting = changeOfGraceArchive(frozen, 'rolling', nowMs);
  const rollsAtMs = nowMs + shorteningDelayMs;
  expect(waiting).toEqual({ graceArchive: 'frozen', rollsAtMs });
  expect(changeOfGraceArchive(waiting, 'rolling', nowMs + dayMs)).toEqual(waiting);
  // Asked for by a clock that was a year ahead.
  expect(changeOfGraceArchive({ ...frozen, rollsAtMs: nowMs + 366 * dayMs }, 'rolling', nowMs)).toEqual(waiting);
  expect(changeOfGraceArchive(rolling, 'rolling', nowMs)).toEqual(rolling);
  const asked = fc.array(fc.integer({ min: -400 * dayMs, max: 400 * dayMs }), { minLength: 1, maxLength: 9 });
  fc.assert(
    fc.property(asked, (afterMs) => {
      const times = afterMs.map((ms) => nowMs + ms);
      let terms: GraceTerms = frozen;
      for (const atMs of times) terms = changeOfGraceArchive(terms, 'rolling', atMs);
      expect(terms.rollsAtMs).toBe(Math.min(...times) + shorteningDelayMs);
    }),
  );
  for (const terms of [waiting, rolling, frozen]) expect(changeOfGraceArchive(terms, 'frozen', nowMs)).toEqual(frozen);
  fc.assert(
    fc.property(days, pauses, (kept, given) => {
      const retiredMs = nowMs - 10 * dayMs;
      const before = given.filter(({ endMs }) => endMs !== null && endMs < retiredMs);
      const at = (atMs: number, last: RetentionPause[]): number =>
        cutoffMs({ days: kept, next: null, pauses: [...before, ...last] }, atMs);
      const open = { startMs: retiredMs, endMs: null };
      expect(at(rollsAtMs - 1, [{ ...open, voidFromMs: rollsAtMs }])).toBe(at(rollsAtMs - 1, [open]));
      expect(at(rollsAtMs, [{ ...open, voidFromMs: rollsAtMs }])).toBe(at(rollsAtMs, []));
    }),
  );
});

test('months are never shorter than the calendar’s, and priced as what they are', () => {
  for (let months = 1; months <= 12; months += 1) {
    expect(retentionMonths(daysOfMonths(months))).toBe(months);
    for (let start = 0; start < 48; start += 1) {
      const calendarMs = Date.UTC(2026, start + months) - Date.UTC(2026, start);
      expect(daysOfMonths(months) * dayMs).toBeGreaterThanOrEqual(calendarMs);
    }
  }
});

test('a hold lasts until its end or its release', () => {
  expect(holdState({ untilMs: null, releasedAtMs: null }, nowMs)).toBe('active');
  expect(holdState({ untilMs: nowMs + 1, releasedAtMs: null }, nowMs)).toBe('active');
  expect(holdState({ untilMs: nowMs, releasedAtMs: null }, nowMs)).toBe('ended');
  expect(holdState({ untilMs: nowMs + 1, releasedAtMs: nowMs }, nowMs)).toBe('released');
});

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { correctionMs, offsetOf, type ClockOffset } from '../../domain/clock-vote.ts';

const exactly = (ms: number): ClockOffset => ({ leastMs: ms, mostMs: ms });
const yearsMs = 3 * 365 * 86_400_000;

test('an answer says no more than what lies between question and answer, and a tick', () => {
  const asked = { askedMs: 1000, answeredMs: 1400, tickMs: 1000 };
  expect(offsetOf(21_000, asked)).toEqual({ leastMs: 19_600, mostMs: 21_000 });
});

test('a database that was frozen for 27 s confirms no host clock that is 25 s ahead', () => {
  const frozen = offsetOf(2000, { askedMs: 25_000, answeredMs: 52_000, tickMs: 0 });
  expect(frozen).toBeNull();
  expect(correctionMs(frozen, exactly(-25_000))).toBeNull();
  expect(offsetOf(2000, { askedMs: 25_000, answeredMs: 27_000, tickMs: 0 })).not.toBeNull();
});

test('a host clock is right where one of the others agrees with it, and corrected only where both say the same', () => {
  expect(correctionMs(exactly(1900), exactly(yearsMs))).toBe(0);
  expect(correctionMs(exactly(yearsMs), exactly(-1900))).toBe(0);
  expect(correctionMs(exactly(yearsMs), exactly(yearsMs + 1500))).toBe(yearsMs);
  expect(correctionMs(exactly(yearsMs), exactly(-yearsMs))).toBeNull();
  expect(correctionMs(exactly(yearsMs), null)).toBeNull();
  expect(correctionMs(null, exactly(yearsMs))).toBeNull();
  expect(correctionMs(null, null)).toBeNull();
});

test('whichever one of three clocks is wrong, the time is what the others say', () => {
  const wrongMs = fc.oneof(fc.integer({ min: 5001, max: yearsMs }), fc.integer({ min: -yearsMs, max: -5001 }));
  const delayMs = fc.integer({ min: 0, max: 1000 });
  const clocks = fc.record({ wrongMs, delayMs, which: fc.constantFrom('host', 'database', 'store') });
  fc.assert(
    fc.property(clocks, ({ which, ...given }) => {
      const off = (clock: string): number => (clock === which ? given.wrongMs : 0);
      const ask = (clock: string, tickMs: number): ClockOffset | null => {
        const answeredMs = 5000 + given.delayMs;
        const saidMs = 5000 + given.delayMs / 2 + off(clock) - off('host');
        return offsetOf(tickMs === 0 ? saidMs : Math.floor(saidMs / tickMs) * tickMs, {
          askedMs: 5000,
          answeredMs,
          tickMs,
        });
      };
      const byMs = correctionMs(ask('database', 0), ask('store', 1000)) ?? NaN;
      expect(Math.abs(byMs + off('host'))).toBeLessThanOrEqual(which === 'host' ? given.delayMs : 0);
    }),
  );
});

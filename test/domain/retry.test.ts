import fc from 'fast-check';
import { expect, test } from 'vitest';
import { gapReasons } from '../../domain/gap-reason.ts';
import { backoffMs, serverWaitMs } from '../../domain/retry.ts';

/** Reasons whose waits are others than 1 to 30 s. */
const bounds: Record<string, [number, number]> = { auth: [30_000, 900_000], 'not-found': [30_000, 600_000] };
const anyReason = fc.constantFrom(...gapReasons);
const anyRandom = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test('waits stay within their bounds at any attempt', () => {
  fc.assert(
    fc.property(anyReason, fc.integer({ min: 1, max: 1_000_000 }), anyRandom, (reason, attempt, random) => {
      const waitMs = backoffMs(reason, attempt, () => random);
      const [floorMs, ceilingMs] = bounds[reason] ?? [1000, 30_000];
      expect(waitMs).toBeGreaterThanOrEqual(floorMs);
      expect(waitMs).toBeLessThanOrEqual(ceilingMs);
    }),
  );
});

test('the longest possible wait doubles up to the ceiling', () => {
  const longest = (reason: 'closed' | 'not-found' | 'auth') =>
    [1, 2, 3, 4, 5, 6, 7].map((attempt) => Math.round(backoffMs(reason, attempt, () => 0.999_999) / 1000));
  expect(longest('closed')).toEqual([2, 4, 8, 16, 30, 30, 30]);
  expect(longest('not-found')).toEqual([60, 120, 240, 480, 600, 600, 600]);
  expect(longest('auth')).toEqual([60, 180, 540, 900, 900, 900, 900]);
});

test('a fault that a person must mend is tried seldom, whatever its reason', () => {
  expect(backoffMs('bad-stream', 1, () => 0, true)).toBe(30_000);
  expect(backoffMs('bad-stream', 9, () => 0.5, true)).toBe(315_000);
});

test('a wrong login is tried five times in half an hour as a rule: cameras lock it out for as long after five to seven', () => {
  const tries = (random: number): number => {
    let count = 1;
    for (let atMs = backoffMs('auth', 1, () => random); atMs < 1_800_000; count += 1) {
      atMs += backoffMs('auth', count + 1, () => random);
    }
    return count;
  };
  expect([0, 0.25, 0.5, 0.75, 0.999].map(tries)).toEqual([7, 6, 5, 5, 5]);
});

test('jitter spreads over the whole range', () => {
  expect(backoffMs('refused', 4, () => 0)).toBe(1000);
  expect(backoffMs('refused', 4, () => 0.5)).toBe(8500);
});

test('what waits for a server of ours comes back at different times, within 10 s', () => {
  const longest = [1, 2, 3, 4, 5, 6].map((attempt) => Math.round(serverWaitMs(attempt, () => 0.999_999)));
  expect(longest).toEqual([1000, 2000, 4000, 8000, 10_000, 10_000]);
  expect([1, 9].map((attempt) => serverWaitMs(attempt, () => 0))).toEqual([500, 500]);
});

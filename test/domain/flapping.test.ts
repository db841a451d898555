import fc from 'fast-check';
import { expect, test } from 'vitest';
import { flapping, flapWindowMs } from '../../domain/flapping.ts';

const minuteMs = 60_000;
const nowMs = 100 * minuteMs;

test('five returns within half an hour are flapping, four are not', () => {
  const returns = [1, 5, 9, 13, 17].map((minutes) => nowMs - minutes * minuteMs);
  expect(flapping(returns, nowMs)).toEqual({ returns: 5, sinceMs: nowMs - 17 * minuteMs });
  expect(flapping(returns.slice(1), nowMs)).toBeNull();
});

test('neither order nor what lies outside the window matters', () => {
  const times = fc.array(fc.integer({ min: -flapWindowMs * 2, max: flapWindowMs }), { maxLength: 20 });
  fc.assert(
    fc.property(times, (offsets) => {
      const all = offsets.map((offset) => nowMs + offset);
      const inside = all.filter((ms) => ms <= nowMs && ms > nowMs - flapWindowMs);
      expect(flapping(all.toReversed(), nowMs)).toEqual(flapping(inside, nowMs));
      expect(flapping(all, nowMs) === null).toBe(inside.length < 5);
    }),
  );
});

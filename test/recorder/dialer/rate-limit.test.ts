import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRateLimit } from '../../../recorder/dialer/rate-limit.ts';

describe('createRateLimit', () => {
  it('never pauses without a limit', () => {
    expect(createRateLimit(Infinity, 0).take(1e12, 0)).toBe(0);
  });

  it('lets a burst of two seconds through, then pauses for the debt', () => {
    const limit = createRateLimit(1000, 0);
    expect(limit.take(2000, 0)).toBe(0);
    expect(limit.take(500, 0)).toBe(500);
    expect(limit.take(0, 500)).toBe(0);
  });

  it('holds the rate for any sizes and times of reads', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1000, max: 1_000_000 }),
        fc.array(fc.record({ bytes: fc.integer({ min: 0, max: 65_536 }), waitMs: fc.integer({ min: 0, max: 100 }) })),
        (rate, reads) => {
          const limit = createRateLimit(rate, 0);
          let nowMs = 0;
          let taken = 0;
          let last = 0;
          for (const { bytes, waitMs } of reads) {
            nowMs += waitMs + last;
            taken += bytes;
            last = limit.take(bytes, nowMs);
            expect(taken - bytes).toBeLessThanOrEqual(rate * (2 + nowMs / 1000) + (rate * 5) / 1000 + 1);
          }
        },
      ),
    );
  });
});

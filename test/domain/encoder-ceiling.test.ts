import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  afterRefusal,
  afterSuccess,
  allowedSessions,
  describeCeiling,
  retryAfterMs,
  slotsTogether,
  unknownCeiling,
} from '../../domain/encoder-ceiling.ts';

const minute = 60_000;

describe('the learned session ceiling', () => {
  it('is unknown until the driver refuses one, then as many as ran', () => {
    expect(allowedSessions(unknownCeiling, 5 * minute)).toBeNull();
    const learned = afterRefusal(unknownCeiling, 12, 0);
    expect(allowedSessions(learned, 0)).toBe(12);
    expect(describeCeiling(learned, 10_000)).toBe(
      'The driver refused a further session at 12, 10 s ago; one more is tried in 50 s.',
    );
  });

  it('rises by one a while after the refusal, and stays up when that is given', () => {
    const learned = afterRefusal(unknownCeiling, 3, 0);
    expect(allowedSessions(learned, minute - 1)).toBe(3);
    expect(allowedSessions(learned, minute)).toBe(4);
    const risen = afterSuccess(learned, 4, minute);
    expect(allowedSessions(risen, minute)).toBe(4);
    expect(allowedSessions(risen, 2 * minute)).toBe(5);
    expect(afterSuccess(risen, 2, 3 * minute)).toBe(risen);
  });

  it('asks a limit that holds less and less often, an hour apart at most', () => {
    let ceiling = afterRefusal(unknownCeiling, 8, 0);
    const waits: number[] = [];
    let nowMs = 0;
    for (let i = 0; i < 9; i++) {
      waits.push(ceiling.riseAfterMs / minute);
      nowMs += ceiling.riseAfterMs;
      ceiling = afterRefusal(ceiling, 8, nowMs);
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
  });

  it('drops at once where another program takes sessions, and recovers soon', () => {
    const learned = afterRefusal(afterRefusal(unknownCeiling, 8, 0), 8, minute);
    const dropped = afterRefusal(learned, 2, 2 * minute);
    expect(allowedSessions(dropped, 2 * minute)).toBe(2);
    expect(allowedSessions(dropped, 3 * minute)).toBe(3);
  });

  it('is asked again even when nothing at all was given', () => {
    const none = afterRefusal(unknownCeiling, 0, 0);
    expect(allowedSessions(none, 0)).toBe(0);
    expect(allowedSessions(none, minute)).toBe(1);
  });

  it('finds a driver with any limit, and is refused seldom once it knows it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 13, max: 20 }), (driver, wanted) => {
        let ceiling = unknownCeiling;
        let refusals = 0;
        let shortfall = 0;
        // Each minute all workers fill up to what is allowed, one session after the other.
        for (let round = 0; round < 24 * 60; round++) {
          const nowMs = round * minute;
          let running = 0;
          while (running < Math.min(wanted, allowedSessions(ceiling, nowMs) ?? Infinity)) {
            if (running === driver) {
              ceiling = afterRefusal(ceiling, running, nowMs);
              refusals += 1;
              break;
            }
            running += 1;
            ceiling = afterSuccess(ceiling, running, nowMs);
          }
          if (round > 0 && running < driver) shortfall += 1;
        }
        expect(shortfall).toBe(0);
        expect(refusals).toBeLessThan(35); // 24 hours, each an hour apart, and the first ones
      }),
    );
  });

  it('sends a job away for a second at least and half a minute at most', () => {
    const learned = afterRefusal(unknownCeiling, 3, 0);
    expect(retryAfterMs(learned, 0)).toBe(30_000);
    expect(retryAfterMs(learned, 50_000)).toBe(10_000);
    expect(retryAfterMs(learned, 10 * minute)).toBe(1000);
  });

  it('is counted once for all workers of its host', () => {
    const card = { host: 'a', kind: 'nvenc', slots: 3, ceiling: 3 };
    const cpu = { host: 'a', kind: 'x264', slots: 2, ceiling: 3 };
    expect(slotsTogether([])).toBe(0);
    expect(slotsTogether([card, card])).toBe(3);
    expect(slotsTogether([card, card, cpu, cpu, { ...card, host: 'b' }])).toBe(10);
    // Fewer than the driver gives; one more is tried; none was ever refused.
    expect(slotsTogether([{ ...card, slots: 1 }, card])).toBe(3);
    expect(
      slotsTogether([
        { ...card, slots: 1 },
        { ...card, slots: 1 },
      ]),
    ).toBe(2);
    expect(slotsTogether([{ ...card, slots: 4 }, card])).toBe(4);
    expect(
      slotsTogether([
        { ...card, ceiling: null },
        { ...card, ceiling: null },
      ]),
    ).toBe(6);
  });
});

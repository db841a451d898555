import fc from 'fast-check';
import { expect, it } from 'vitest';
import { pieceWithin } from '../../domain/segment-cut.ts';
import type { Fragment } from '../../domain/segment.ts';

const fragmentsOf = (shapes: readonly { ticks: number; key: boolean }[]): Fragment[] => {
  let tfdt = 0;
  return shapes.map(({ ticks, key }, i) => {
    tfdt += ticks;
    return {
      offset: i * 100,
      bytes: 100,
      tfdt: tfdt - ticks,
      durationTicks: ticks,
      samples: 30,
      key,
      keyBytes: 50,
      sampleBytes: 40,
    };
  });
};
/** 6 s, a key every 2 s, fragments of 1 s. */
const six = fragmentsOf(Array.from({ length: 6 }, (_, i) => ({ ticks: 15_360, key: i % 2 === 0 })));

it('takes the whole segment where all of it is free', () => {
  const piece = pieceWithin(six, { startMs: 1000, durationMs: 6000 }, { startMs: 0, endMs: 9000 });
  expect(piece).toEqual({ from: 0, to: 6, startMs: 1000, durationMs: 6000 });
});

it('starts at the next key and ends at the last fragment that fits', () => {
  const piece = pieceWithin(six, { startMs: 1000, durationMs: 6000 }, { startMs: 1500, endMs: 6500 });
  expect(piece).toEqual({ from: 2, to: 5, startMs: 3000, durationMs: 3000 });
});

it('follows a slewed duration', () => {
  const piece = pieceWithin(six, { startMs: 0, durationMs: 6012 }, { startMs: 2004, endMs: 6011 });
  expect(piece).toEqual({ from: 2, to: 5, startMs: 2004, durationMs: 3006 });
});

it('takes nothing where no key lies in the free part', () => {
  expect(pieceWithin(six, { startMs: 0, durationMs: 6000 }, { startMs: 4500, endMs: 6000 })).toBeNull();
  expect(pieceWithin(six, { startMs: 0, durationMs: 6000 }, { startMs: 2000, endMs: 2900 })).toBeNull();
  expect(pieceWithin([], { startMs: 0, durationMs: 6000 }, { startMs: 0, endMs: 6000 })).toBeNull();
});

it('never leaves the free part and always starts at a key', () => {
  const shape = fc.record({ ticks: fc.integer({ min: 0, max: 100_000 }), key: fc.boolean() });
  fc.assert(
    fc.property(
      fc.array(shape, { maxLength: 40 }),
      fc.integer({ min: 1, max: 100_000 }),
      fc.integer({ min: -5000, max: 100_000 }),
      fc.integer({ min: 0, max: 100_000 }),
      (shapes, durationMs, freeStartMs, freeMs) => {
        const fragments = fragmentsOf(shapes);
        const free = { startMs: freeStartMs, endMs: freeStartMs + freeMs };
        const piece = pieceWithin(fragments, { startMs: 0, durationMs }, free);
        if (piece === null) return;
        expect(fragments[piece.from]?.key).toBe(true);
        expect(piece.startMs).toBeGreaterThanOrEqual(free.startMs);
        expect(piece.startMs + piece.durationMs).toBeLessThanOrEqual(free.endMs);
        expect(piece.to).toBeGreaterThan(piece.from);
      },
    ),
  );
});

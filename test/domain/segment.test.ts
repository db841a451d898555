import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkSanity, entriesOf, maxTfdt, segmentDurationMs, totalTicks, type Fragment } from '../../domain/segment.ts';

const timescale = 90_000;
const limits = { maxDurationMs: 120_000 };

/** Lays fragments out one after another, as a file has them. */
function layOut(shapes: readonly { ticks: number; key: boolean; bytes: number }[], start = 0): Fragment[] {
  let offset = 800;
  let tfdt = start;
  return shapes.map(({ ticks, key, bytes }) => {
    const keyBytes = Math.ceil(bytes / 2);
    const fragment = { offset, bytes, tfdt, durationTicks: ticks, samples: 1, key, keyBytes, sampleBytes: 1 };
    offset += bytes;
    tfdt += ticks;
    return fragment;
  });
}

const second = (key: boolean, bytes = 1000) => ({ ticks: timescale, key, bytes });
const tiny = (key: boolean, bytes = 10) => ({ ticks: 100, key, bytes });

const shape = fc.record({
  ticks: fc.oneof(fc.integer({ min: 0, max: 449 }), fc.integer({ min: 450, max: 4 * timescale })),
  key: fc.boolean(),
  bytes: fc.integer({ min: 1, max: 5_000_000 }),
});
const file = fc
  .tuple(shape, fc.array(shape, { maxLength: 80 }))
  .map(([first, rest]) => layOut([{ ...first, key: true }, ...rest]));

describe('entriesOf', () => {
  it('makes one entry a GOP of 2 s and keeps a GOP of 10 s whole', () => {
    const twos = layOut([second(true), second(false), second(true), second(false)]);
    expect(entriesOf(twos, timescale, 4000)).toEqual([
      { bytes: 2000, ms: 2000, keyBytes: 500 },
      { bytes: 2000, ms: 2000, keyBytes: 500 },
    ]);
    const long = layOut([second(true), ...Array.from({ length: 9 }, () => second(false))]);
    expect(entriesOf(long, timescale, 10_000)).toEqual([{ bytes: 10_000, ms: 10_000, keyBytes: 500 }]);
  });

  it('joins GOPs shorter than 1.9 s', () => {
    const ones = layOut([second(true), second(true), second(true)]);
    expect(entriesOf(ones, timescale, 3000).map(({ ms }) => ms)).toEqual([2000, 1000]);
  });

  it('joins parameter sets to the picture behind them, whose end is the end of the key', () => {
    const entries = entriesOf(
      layOut([tiny(true), second(false), second(false), tiny(true), second(true)]),
      timescale,
      3002,
    );
    expect(entries.map(({ bytes, keyBytes }) => ({ bytes, keyBytes }))).toEqual([
      { bytes: 2010, keyBytes: 510 },
      { bytes: 1010, keyBytes: 510 },
    ]);
  });

  it('leaves nothing out: bytes and ms sum exactly, keys lie within, each entry begins at a key', () => {
    fc.assert(
      fc.property(file, fc.integer({ min: 1, max: 4_000_000 }), (fragments, durationMs) => {
        const entries = entriesOf(fragments, timescale, durationMs);
        expect(entries.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(
          fragments.reduce((sum, { bytes }) => sum + bytes, 0),
        );
        expect(entries.reduce((sum, { ms }) => sum + ms, 0)).toBe(durationMs);
        const starts = new Map(fragments.map((fragment) => [fragment.offset, fragment]));
        let offset = fragments[0]?.offset ?? 0;
        for (const entry of entries) {
          expect(starts.get(offset)?.key).toBe(true);
          expect(entry.keyBytes).toBeGreaterThan(0);
          expect(entry.keyBytes).toBeLessThanOrEqual(entry.bytes);
          expect(entry.ms).toBeGreaterThanOrEqual(0);
          offset += entry.bytes;
        }
      }),
    );
  });

  it('makes every entry but the last at least 1.9 s long', () => {
    fc.assert(
      fc.property(file, (fragments) => {
        const totalMs = Math.round((totalTicks(fragments) * 1000) / timescale);
        for (const { ms } of entriesOf(fragments, timescale, totalMs).slice(0, -1)) expect(ms).toBeGreaterThan(1898);
      }),
    );
  });
});

describe('segmentDurationMs', () => {
  const timeline = { timescale, fragments: layOut([second(true), second(false)], 500) };

  it('reaches to the next object', () => {
    expect(segmentDurationMs(timeline, 500 + 2 * timescale + 2700, limits)).toBe(2030);
  });

  it.each([
    ['none follows', null],
    ['the next starts anew at 0', 0],
    ['the next lies hours ahead', 8520 * timescale],
  ])('is the sum of the samples where %s', (_, next) => {
    expect(segmentDurationMs(timeline, next, limits)).toBe(2000);
  });
});

describe('checkSanity', () => {
  const codes = (fragments: Fragment[]) => checkSanity({ timescale, fragments }, limits).map(({ code }) => code);

  it('passes any file of footage', () => {
    expect(codes(layOut([second(true), second(false), tiny(true), second(true)]))).toEqual([]);
  });

  it('refuses a file without fragments and one that does not start at a key', () => {
    expect(codes([])).toEqual(['empty']);
    expect(codes(layOut([second(false), second(true)]))).toEqual(['no-key']);
  });

  it('refuses the negative decode times of B-frames, which stand near 2^64', () => {
    expect(codes(layOut([second(true)], 2 ** 64 - 6000))).toContain('tfdt-too-large');
    expect(codes(layOut([second(true)], maxTfdt - timescale))).toEqual([]);
    expect(codes(layOut([second(true)], maxTfdt))).toEqual(['tfdt-too-large']);
  });

  it('pain 14: refuses a minute that says 2 h 22 min, in a sample or between fragments', () => {
    expect(codes(layOut([second(true), { ticks: 8520 * timescale, key: false, bytes: 9 }]))).toEqual(['too-long']);
    const jump = [...layOut([second(true)]), ...layOut([second(true)], 8520 * timescale)];
    expect(codes(jump)).toEqual(['too-long']);
  });

  it('refuses time that runs backwards and a file of no time', () => {
    expect(codes([...layOut([second(true)], timescale), ...layOut([second(true)])])).toEqual(['not-monotonic']);
    expect(codes(layOut([{ ticks: 0, key: true, bytes: 5 }]))).toEqual(['too-short']);
  });
});

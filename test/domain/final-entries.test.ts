import fc from 'fast-check';
import { expect, test } from 'vitest';
import { onWallTime } from '../../domain/final-entries.ts';

const entriesOf = (...times: number[]) => times.map((ms) => ({ bytes: 1, ms, keyBytes: 1 }));

test('where wall time is media time, nothing changes', () => {
  const entries = entriesOf(4000, 4000, 2000);
  expect(onWallTime(entries, [{ durationMs: 10_000, mediaMs: 10_000 }])).toEqual(entries);
});

test('a slewed source moves only its own pictures', () => {
  // The second minute's wall time is 20 ms longer than its media time.
  const sources = [
    { durationMs: 60_000, mediaMs: 60_000 },
    { durationMs: 60_020, mediaMs: 60_000 },
  ];
  const times = onWallTime(entriesOf(30_000, 30_000, 30_000, 30_000), sources).map(({ ms }) => ms);
  expect(times).toEqual([30_000, 30_000, 30_010, 30_010]);
});

test('entries fill the wall time of the sources exactly, whatever is rounded', () => {
  const spans = fc.array(
    fc.record({ durationMs: fc.integer({ min: 1, max: 60_000 }), mediaMs: fc.integer({ min: 1, max: 60_000 }) }),
    { minLength: 1, maxLength: 20 },
  );
  const times = fc.array(fc.integer({ min: 1, max: 10_000 }), { minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(spans, times, (sources, ms) => {
      const placed = onWallTime(entriesOf(...ms), sources);
      const total = sources.reduce((sum, { durationMs }) => sum + durationMs, 0);
      expect(placed.reduce((sum, entry) => sum + entry.ms, 0)).toBe(total);
      expect(placed.every((entry) => entry.ms >= 0)).toBe(true);
    }),
  );
});

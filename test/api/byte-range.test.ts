import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseByteRange } from '../../api/byte-range.ts';

test.each<[string | undefined, number, ReturnType<typeof parseByteRange>]>([
  [undefined, 100, null],
  ['bytes=0-0', 100, { offset: 0, length: 1 }],
  ['bytes=10-19', 100, { offset: 10, length: 10 }],
  ['bytes=90-', 100, { offset: 90, length: 10 }],
  ['bytes=90-1000', 100, { offset: 90, length: 10 }],
  ['bytes=-5', 100, { offset: 95, length: 5 }],
  ['bytes=-500', 100, { offset: 0, length: 100 }],
  ['bytes=100-', 100, 'unsatisfiable'],
  ['bytes=-0', 100, 'unsatisfiable'],
  ['bytes=0-', 0, 'unsatisfiable'],
  ['bytes=20-10', 100, null],
  ['bytes=-', 100, null],
  ['bytes=0-1,5-6', 100, null],
  ['lines=0-1', 100, null],
  ['bytes=a-b', 100, null],
])('%s of %i bytes', (header, totalBytes, expected) => {
  expect(parseByteRange(header, totalBytes)).toEqual(expected);
});

test('a range always lies within the object and is never empty', () => {
  const side = fc.option(fc.nat(2000), { nil: '' });
  fc.assert(
    fc.property(side, side, fc.nat(1000), (first, last, totalBytes) => {
      const range = parseByteRange(`bytes=${first}-${last}`, totalBytes);
      if (range === null || range === 'unsatisfiable') return;
      expect(range.length).toBeGreaterThan(0);
      expect(range.offset).toBeGreaterThanOrEqual(0);
      expect(range.offset + range.length).toBeLessThanOrEqual(totalBytes);
    }),
  );
});

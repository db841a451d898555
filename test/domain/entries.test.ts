import fc from 'fast-check';
import { expect, it } from 'vitest';
import { packEntries, unpackEntries } from '../../domain/entries.ts';

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });

it('gives back what was packed, 12 bytes an entry', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ bytes: u32, ms: u32, keyBytes: u32 })), (entries) => {
      const packed = packEntries(entries);
      expect(packed.byteLength).toBe(entries.length * 12);
      expect(unpackEntries(packed)).toEqual(entries);
    }),
  );
});

it('reads from the midst of a larger buffer, as a database driver hands it out', () => {
  const packed = packEntries([{ bytes: 7, ms: 2000, keyBytes: 3 }]);
  const pool = Buffer.concat([Buffer.from('xyz'), packed]);
  expect(unpackEntries(pool.subarray(3))).toEqual([{ bytes: 7, ms: 2000, keyBytes: 3 }]);
});

it('refuses values that are no u32 and lengths that are no list', () => {
  expect(() => packEntries([{ bytes: 2 ** 32, ms: 1, keyBytes: 1 }])).toThrow(/no u32/);
  expect(() => packEntries([{ bytes: 1, ms: -1, keyBytes: 1 }])).toThrow(RangeError);
  expect(() => packEntries([{ bytes: 1, ms: 1.5, keyBytes: 1 }])).toThrow(RangeError);
  expect(() => unpackEntries(new Uint8Array(13))).toThrow(/13 bytes/);
});

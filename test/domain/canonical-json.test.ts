import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson, isCanonical, type Canonical } from '../../domain/canonical-json.ts';

const { value } = fc.letrec<{ value: Canonical; list: Canonical; record: Canonical }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string(),
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    tie('list'),
    tie('record'),
  ),
  list: fc.array(tie('value'), { maxLength: 5 }),
  record: fc.dictionary(fc.string(), tie('value'), { maxKeys: 5, noNullPrototype: true }),
}));

test('reads back as what it was, and gives the same text for it', () => {
  fc.assert(
    fc.property(value, (one) => {
      const text = canonicalJson(one);
      const read: unknown = JSON.parse(text);
      expect(isCanonical(read)).toBe(true);
      if (isCanonical(read)) expect(canonicalJson(read)).toBe(text);
    }),
  );
});

test('names are in order whatever order they were given in', () => {
  expect(canonicalJson({ b: 1, a: [true, null, 'ü'], A: {} })).toBe('{"A":{},"a":[true,null,"ü"],"b":1}');
});

test('refuses what prints in more than one way', () => {
  expect(() => canonicalJson({ at: 0.1 })).toThrow(RangeError);
  expect(isCanonical({ at: 0.1 })).toBe(false);
});

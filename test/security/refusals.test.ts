import { expect, test } from 'vitest';
import { createRefusals } from '../../security/refusals.ts';

const t0 = Date.UTC(2026, 0, 1);

test('the same is told once an hour, and of all others a hundred', () => {
  const refusals = createRefusals();
  expect(refusals.tell('admin from a', t0)).toBe('one');
  expect(refusals.tell('admin from a', t0 + 3_599_999)).toBeNull();
  expect(refusals.tell('admin from b', t0 + 1)).toBe('one');
  const told = Array.from({ length: 1000 }, (_, i) => refusals.tell(`guess ${i}`, t0 + 2)).filter(
    (kind) => kind !== null,
  );
  expect(told).toEqual([...Array<string>(97).fill('one'), 'last']);
  expect(refusals.tell('admin from a', t0 + 3_600_000)).toBe('one');
});

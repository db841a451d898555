import fc from 'fast-check';
import { expect, test } from 'vitest';
import { objectKey, parseObjectKey } from '../../storage/keys.ts';

const hash = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'.split('')), minLength: 64, maxLength: 64 });

test('a key says what it was made of', () => {
  const name = fc.record({
    tenantId: fc.uuid(),
    cameraId: fc.uuid(),
    startMs: fc.integer({ min: 0, max: 4_102_444_800_000 }),
    durationMs: fc.integer({ min: 1, max: 3_600_000 }),
    epoch: fc.integer({ min: 0, max: 999_999_999 }),
    variant: fc.integer({ min: 0, max: 32_767 }),
    sha256: hash,
  });
  fc.assert(
    fc.property(name, (given) => {
      expect(parseObjectKey(objectKey(given))).toEqual({ ...given, sha256: given.sha256.slice(0, 16) });
    }),
  );
});

test('the day is that of the start in UTC', () => {
  const key = objectKey({
    tenantId: '0190f1de-0000-7000-8000-00000000000a',
    cameraId: '0190f1de-0000-7000-8000-00000000000b',
    startMs: Date.UTC(2026, 10, 24, 23, 59, 59, 999),
    durationMs: 60_000,
    epoch: 7,
    variant: 0,
    sha256: 'ab'.repeat(32),
  });
  expect(key).toBe(
    '0190f1de-0000-7000-8000-00000000000a/0190f1de-0000-7000-8000-00000000000b/20261124/1795564799999-60000-7-0-abababababababab.mp4',
  );
  for (const wrong of [
    '',
    key.replace('20261124', '20261125'),
    key.replace('-7-', '-07-'),
    key.replace('.mp4', '.mp4/'),
    `../${key}`,
    key.toUpperCase(),
    `${key}\n`,
  ]) {
    expect(parseObjectKey(wrong)).toBeNull();
  }
});

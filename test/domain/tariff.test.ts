import { expect, test } from 'vitest';
import { isCheap, parseTariff } from '../../domain/tariff.ts';

test('hours over midnight, in the zone of the tariff', () => {
  const tariff = parseTariff('22:00-06:00 Europe/Istanbul'); // UTC+3
  const at = (text: string) => isCheap(tariff, Date.parse(text));
  expect(at('2026-11-24T18:59:59Z')).toBe(false);
  expect(at('2026-11-24T19:00:00Z')).toBe(true);
  expect(at('2026-11-25T02:59:59Z')).toBe(true);
  expect(at('2026-11-25T03:00:00Z')).toBe(false);
});

test('hours within a day follow daylight saving time', () => {
  const tariff = parseTariff('01:00-05:30 Europe/Berlin');
  expect(isCheap(tariff, Date.parse('2026-07-01T03:29:00Z'))).toBe(true); // 05:29
  expect(isCheap(tariff, Date.parse('2026-07-01T03:30:00Z'))).toBe(false);
  expect(isCheap(tariff, Date.parse('2026-12-01T04:29:00Z'))).toBe(true); // 05:29
});

test.each(['24:00-06:00 Europe/Istanbul', '22:60-06:00 Europe/Istanbul', '22:00-06:00 Nowhere/Town', 'at night'])(
  'refuses %s',
  (text) => {
    expect(() => parseTariff(text)).toThrow(RangeError);
  },
);

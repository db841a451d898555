import { afterAll, beforeAll, expect, test } from 'vitest';
import { localFields, momentOf } from '../../web/local-time.ts';

const before = process.env['TZ'];
beforeAll(() => {
  process.env['TZ'] = 'Europe/Berlin';
});
afterAll(() => {
  if (before === undefined) delete process.env['TZ'];
  else process.env['TZ'] = before;
});

const [summer, winter] = [Date.UTC(2026, 9, 25, 0, 30), Date.UTC(2026, 9, 25, 1, 30)];

test('an hour that is repeated can be meant either way', () => {
  const fields = { date: '2026-10-25', time: '02:30:00' };
  expect([localFields(summer), localFields(winter)]).toEqual([fields, fields]);
  expect(momentOf(fields, 'earlier')).toBe(summer);
  expect(momentOf(fields, 'later')).toBe(winter);
  expect(momentOf(fields, winter + 60_000)).toBe(winter);
  expect(momentOf(fields, summer - 60_000)).toBe(summer);
});

test('any other moment is what it says, also beside the change and in the hour that is left out', () => {
  for (const atMs of [summer - 3_600_000, winter + 3_600_000, Date.UTC(2026, 6, 1, 12), Date.UTC(2026, 2, 29, 1, 30)]) {
    for (const prefer of ['earlier', 'later', 0] as const) expect(momentOf(localFields(atMs), prefer)).toBe(atMs);
  }
  const skipped = momentOf({ date: '2026-03-29', time: '02:30' }, 'earlier');
  expect(skipped).toBe(Date.UTC(2026, 2, 29, 1, 30));
  expect(momentOf({ date: '', time: '02:30' }, 'earlier')).toBeNull();
  expect(momentOf({ date: '2026-03-29', time: 'soon' }, 'earlier')).toBeNull();
});

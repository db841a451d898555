import { expect, test } from 'vitest';
import { axisTicks } from '../../web/player/axis.ts';

const at = (text: string) => Date.parse(`2026-11-17T${text}Z`);

test('labels stand on whole steps of the wall clock, no more than fit', () => {
  const offsetMs = 5.5 * 3_600_000;
  const ticks = axisTicks(at('10:05:00'), at('14:05:00'), 5, offsetMs);
  expect(ticks.map((tick) => new Date(tick + offsetMs).toISOString().slice(11, 16))).toEqual([
    '16:00',
    '17:00',
    '18:00',
    '19:00',
  ]);
});

test('a short range has labels too', () => {
  expect(axisTicks(at('10:00:05'), at('10:00:55'), 9, 0)).toHaveLength(5);
});

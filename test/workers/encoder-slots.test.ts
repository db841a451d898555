import { availableParallelism } from 'node:os';
import { expect, test } from 'vitest';
import type { EncodersStatus, Rung } from '../../media/encoders.ts';
import { createEncoderSlots, usualSlots, x264Slots } from '../../workers/encoder-slots.ts';

/** More than the usual slots, whatever machine this is. */
const many = availableParallelism() + 4;

function status(
  states: Partial<Record<'nvenc' | 'x264', Rung['state']>>,
  allowed: number | null = null,
): EncodersStatus {
  const ladder = (['nvenc', 'x264'] as const).flatMap((kind): Rung[] => {
    const state = states[kind];
    const encoder = { kind, device: kind === 'x264' ? null : '0' };
    return state === undefined ? [] : [{ encoder, state, reason: '', sinceMs: 0, running: 0 }];
  });
  return { ladder, sessions: { used: 0, ceiling: allowed, allowed, reason: '' } };
}

test('the slots are those of the encoder in use: x264 that steps in for a card gets what the cores allow', () => {
  const slots = createEncoderSlots({ encoder: 'auto', encoderSlots: many }, [], status({ nvenc: 'up', x264: 'up' }));
  expect([slots.most, slots.now()]).toEqual([many, many]);
  slots.look(status({ nvenc: 'down', x264: 'up' }));
  expect(slots.now()).toBe(usualSlots());
  slots.look(status({ nvenc: 'down', x264: 'down' }));
  expect(slots.now()).toBe(0);
  slots.look(status({ nvenc: 'up', x264: 'up' }));
  expect(slots.now()).toBe(many);
  expect(slots.most).toBe(many);
});

test('x264 has as many as the operator says only where it is all that may encode', () => {
  expect(x264Slots({ encoder: ['x264'], encoderSlots: many }, [])).toBe(many);
  expect(x264Slots({ encoder: ['nvenc', 'x264'], encoderSlots: many }, [])).toBe(usualSlots());
  expect(x264Slots({ encoder: 'auto', encoderSlots: 1 }, [])).toBe(1);
});

test('jobs that the driver would refuse are not taken on', () => {
  const both = { nvenc: 'up', x264: 'up' } as const;
  const slots = createEncoderSlots({ encoder: 'auto', encoderSlots: many }, [], status(both, 2));
  expect([slots.most, slots.now()]).toEqual([many, 2]);
  slots.look(status(both, 3)); // one more is due to be tried
  expect(slots.now()).toBe(3);
  slots.look(status({ nvenc: 'down', x264: 'up' }, 0)); // no matter of the CPU
  expect(slots.now()).toBe(usualSlots());
});

test('without encoders there are none', () => {
  const slots = createEncoderSlots({ encoder: [], encoderSlots: many }, [], status({}));
  expect([slots.most, slots.now()]).toEqual([0, 0]);
});

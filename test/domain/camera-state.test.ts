import { expect, test } from 'vitest';
import { stateAfterFailure } from '../../domain/camera-state.ts';

test('what a person must mend needs attention at once', () => {
  expect(stateAfterFailure('auth', 1)).toBe('attention');
  expect(stateAfterFailure('not-found', 1)).toBe('attention');
});

test('what may pass is reconnecting, and needs attention only when it lasts', () => {
  expect(stateAfterFailure('no-media', 5)).toBe('reconnecting');
  expect(stateAfterFailure('no-media', 6)).toBe('attention');
  expect(stateAfterFailure('unreachable', 100)).toBe('attention');
});

test('a camera that is off, or a host that is full, is nothing to mend in its settings', () => {
  expect(stateAfterFailure('refused', 100)).toBe('reconnecting');
  expect(stateAfterFailure('spool-full', 100)).toBe('reconnecting');
  expect(stateAfterFailure('no-slot', 1)).toBe('no-slot');
});

import { expect, test } from 'vitest';
import { lastError, readLogLine } from '../../scripts/start/log-line.ts';

const entry = (level: number, rest: object): string => JSON.stringify({ level, time: 1, name: 'workers', ...rest });

test.each([
  [30, 'info'],
  [40, 'warning'],
  [50, 'error'],
  [60, 'error'],
])('a log entry of level %i is shown as %s', (level, shown) => {
  expect(readLogLine(entry(level, { msg: 'camera is away' }))).toEqual({ level: shown, message: 'camera is away' });
});

test('the camera and the error stand with the message', () => {
  const line = entry(40, { msg: 'commit failed', cameraId: 'c1', err: { message: 'disk full', stack: 'at ...' } });
  expect(readLogLine(line)?.message).toBe('commit failed · camera c1 · disk full');
});

test('what is no log entry is not shown line by line', () => {
  expect(['', '    at start (api/main.ts:1:1)', '{ half an entry'].map(readLogLine)).toEqual([null, null, null]);
});

test('of a crash the line that names the error is told', () => {
  const crash = [
    entry(30, { msg: 'listening' }),
    'node:internal/modules/run_main:123',
    '    triggerUncaughtException(',
    'TypeError: x is not a function',
    '    at main (api/main.ts:3:1) {',
    "  code: 'X'",
    '}',
    'Node.js v20.20.2',
  ];
  expect(lastError(crash.join('\n'))).toBe('TypeError: x is not a function');
  expect(lastError('Missing settings: FRAMEKEEP_SECRET_KEY.')).toBe('Missing settings: FRAMEKEEP_SECRET_KEY.');
  expect(lastError(entry(60, { msg: 'no slots' }))).toBe('no slots');
  expect(lastError('')).toBe('it said nothing');
});

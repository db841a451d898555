import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { createLogger } from '../../log.ts';
import { listenForStop } from '../../workers/stop-signals.ts';

function listen(): { source: EventEmitter; first: Promise<string>; ends: () => number; pass: (ms: number) => void } {
  const source = new EventEmitter();
  let ended = 0;
  let nowMs = 1_000_000;
  const first = listenForStop({
    source,
    withinMs: 60_000,
    end: () => (ended += 1),
    now: () => nowMs,
    log: createLogger({ level: 'silent', name: 'test' }),
  });
  return { source, first, ends: () => ended, pass: (ms) => void (nowMs += ms) };
}

test('the first signal stops, a second one of either kind breaks nothing off, the third ends', async () => {
  const { source, first, ends } = listen();
  source.emit('SIGTERM');
  source.emit('SIGINT');
  expect(await first).toBe('SIGTERM');
  expect(ends()).toBe(0);
  source.emit('SIGTERM');
  expect(ends()).toBe(1);
});

test('after the time for a stop the second signal ends', async () => {
  const { source, first, ends, pass } = listen();
  source.emit('SIGINT');
  expect(await first).toBe('SIGINT');
  pass(60_001);
  source.emit('SIGINT');
  expect(ends()).toBe(1);
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRateWatch } from '../../recorder/rate-watch.ts';

test('a camera within its bound is never refused, though what was held up for 10 s comes at once', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 100, max: 10_000 }), { maxLength: 60 }), (pausesMs) => {
      const watch = createRateWatch(8000, 0); // 1000 bytes a ms
      let nowMs = 0;
      for (const pauseMs of pausesMs) {
        nowMs += pauseMs;
        expect(watch.look(nowMs * 1000, nowMs)).toBeNull();
      }
    }),
  );
});

test('twice its bound is noticed after 10 s, ten times after one', () => {
  const noticedMs = (bytesPerMs: number): number => {
    const watch = createRateWatch(8000, 0);
    for (let nowMs = 200; ; nowMs += 200) if (watch.look(nowMs * bytesPerMs, nowMs) !== null) return nowMs;
  };
  expect(noticedMs(2000)).toBe(10_000);
  expect(noticedMs(10_000)).toBe(1200);
  expect(createRateWatch(8000, 0).look(50_000_000, 1000)).toBe(
    'The camera sends 400000 kbit/s; it is not recorded above 8000.',
  );
});

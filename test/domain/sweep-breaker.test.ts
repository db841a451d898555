import fc from 'fast-check';
import { expect, test } from 'vitest';
import { moreThanTime } from '../../domain/camera-breaker.ts';
import { dayMs } from '../../domain/retention.ts';
import {
  clockDoubt,
  clockToleranceMs,
  earliestMs,
  forecastAheadMs,
  judgeSweep,
  unpredictedSlackMs,
} from '../../domain/sweep-breaker.ts';

const hourMs = 3_600_000;
const sweptMs = Date.UTC(2026, 10, 24);
/** 100 cameras: each hour, 100 hours more are due. */
const forecast = forecastAheadMs.map((ms) => ({ atMs: sweptMs + ms, dueMs: 100 * ms }));
const none = { resumedMs: null, newestMs: sweptMs, cameras: 100, approved: null, cameraForecast: [], dueOf: [] };
const clocksAt = (nowMs: number) => ({ nowMs, databaseNowMs: nowMs, storeNowMs: nowMs });
const judge = (nowMs: number, dueMs: number, changes: Partial<Parameters<typeof judgeSweep>[0]> = {}) =>
  judgeSweep({ ...clocksAt(nowMs), lookedMs: sweptMs, forecast, dueMs, ...none, ...changes })?.reason ?? 'go';

test('what the clock brings is let through, at any time up to a week after the last sweep', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 7 * dayMs }), (afterMs) => {
      expect(judge(sweptMs + afterMs, 100 * afterMs)).toBe('go');
    }),
  );
});

test('far more than was forecast stops it', () => {
  const nowMs = sweptMs + hourMs;
  expect(judge(nowMs, 2 * 100 * hourMs + unpredictedSlackMs)).toBe('go');
  expect(judge(nowMs, 2 * 100 * hourMs + unpredictedSlackMs + 1)).toBe('unpredicted');
  expect(judge(nowMs, 90 * dayMs, { lookedMs: null, forecast: [] })).toBe('unpredicted');
});

test('a clock two years ahead stops it, be it one clock or both', () => {
  const aheadMs = sweptMs + 2 * 365 * dayMs;
  expect(judge(aheadMs, 1, { databaseNowMs: sweptMs })).toBe('clock');
  expect(judge(sweptMs, 1, { databaseNowMs: aheadMs })).toBe('clock');
  expect(judge(aheadMs, 100 * 30 * dayMs)).toBe('late');
  expect(judge(sweptMs - clockToleranceMs - 1, 1)).toBe('clock');
  expect(judge(sweptMs, 1, { databaseNowMs: sweptMs + clockToleranceMs })).toBe('go');
});

test('any two of the three clocks that are too far apart stop it, also where two agree', () => {
  const aheadMs = sweptMs + clockToleranceMs + 1;
  const right = clocksAt(sweptMs);
  for (const told of [
    (ms: number) => ({ nowMs: ms }),
    (ms: number) => ({ databaseNowMs: ms }),
    (ms: number) => ({ storeNowMs: ms }),
  ]) {
    expect(judge(sweptMs, 1, told(aheadMs - 1))).toBe('go');
    expect(judge(sweptMs, 1, told(aheadMs))).toBe('clock');
    expect(judge(sweptMs, 1, { ...clocksAt(aheadMs), ...told(sweptMs) })).toBe('clock');
    expect(earliestMs({ ...clocksAt(aheadMs), ...told(sweptMs) })).toBe(sweptMs);
  }
  // Two of them on either side of the third, each within bounds.
  expect(judge(sweptMs, 1, { databaseNowMs: aheadMs - 1, storeNowMs: sweptMs - 1 })).toBe('clock');
  expect(clockDoubt({ ...right, storeNowMs: sweptMs + 3_600_000 })).toBe(
    'Two clocks are 3600 s apart: 2026-11-24T00:00:00.000Z here, 2026-11-24T00:00:00.000Z in the database, ' +
      '2026-11-24T01:00:00.000Z in the object store.',
  );
  const unknown = { ...right, storeNowMs: null };
  expect(judge(sweptMs, 1, unknown)).toBe('go');
  expect(judge(sweptMs, 1, { ...unknown, databaseNowMs: aheadMs })).toBe('clock');
  expect(earliestMs({ ...unknown, databaseNowMs: aheadMs })).toBe(sweptMs);
});

test('a time more than a week after the last good one stops it, whatever is due', () => {
  const lateMs = sweptMs + 7 * dayMs + 1;
  for (const dueMs of [0, 1, dayMs]) {
    expect(judge(lateMs, dueMs)).toBe('late');
    expect(judge(lateMs, dueMs, { lookedMs: null, forecast: [] })).toBe('late');
  }
  expect(judge(lateMs - 1, 1)).toBe('go');
  // The first sweep of an installation, and one without footage.
  expect(judge(lateMs, 1, { lookedMs: null, forecast: [], newestMs: lateMs - hourMs })).toBe('go');
  expect(judge(lateMs, 0, { newestMs: null })).toBe('go');
});

test('what an operator approved is let through, and not more than ages meanwhile', () => {
  const nowMs = sweptMs + 30 * dayMs;
  const approved = { dueMs: 90 * dayMs, asOfMs: nowMs - hourMs, cameras: [] };
  const resumed = { approved, resumedMs: nowMs - hourMs };
  expect(judge(nowMs, 90 * dayMs, { approved })).toBe('late');
  expect(judge(nowMs, 90 * dayMs + 100 * hourMs, resumed)).toBe('go');
  expect(judge(nowMs, 90 * dayMs + 100 * hourMs + 1, resumed)).toBe('unpredicted');
  expect(judge(nowMs + 7 * dayMs, 1, resumed)).toBe('late');
  // The last sweep was by a clock ahead: from the operator's word on it does not count.
  const ahead = { ...resumed, lookedMs: nowMs + 2 * 365 * dayMs };
  expect(judge(nowMs, 1, { ...ahead, resumedMs: null })).toBe('clock');
  expect(judge(nowMs, 1, ahead)).toBe('go');
});

test('one camera’s archive stops it, however little it is beside what all cameras bring', () => {
  const nowMs = sweptMs + hourMs;
  const many = { cameras: 3000, forecast: forecastAheadMs.map((ms) => ({ atMs: sweptMs + ms, dueMs: 3000 * ms })) };
  const gate = (dueMs: number, changes: Partial<Parameters<typeof judgeSweep>[0]> = {}) => {
    const dueOf = [{ internalId: 7, name: 'Gate 2', dueMs }];
    return judge(nowMs, 100 * hourMs + dueMs, { ...many, dueOf, ...changes });
  };
  const mostMs = 2 * hourMs + unpredictedSlackMs;
  expect(gate(239 * dayMs)).toBe('unpredicted'); // 240 days of retention became 1
  expect(gate(mostMs)).toBe('go');
  expect(gate(mostMs + 1)).toBe('unpredicted');
  // What explains it: a shorter retention or a hold's end that the last sweep saw coming, at the time it said;
  const ofGate = (atMs: number | null) => ({ cameraForecast: [{ internalId: 7, atMs, dueMs: 239 * dayMs }] });
  expect(gate(239 * dayMs, ofGate(sweptMs + hourMs))).toBe('go');
  expect(gate(239 * dayMs, ofGate(sweptMs + 6 * hourMs))).toBe('unpredicted');
  // a released hold; an operator, with what ages meanwhile. Another camera's is none.
  expect(gate(239 * dayMs, ofGate(null))).toBe('go');
  const approvedFor = (internalId: number) => ({
    resumedMs: nowMs - hourMs,
    approved: { dueMs: 239 * dayMs, asOfMs: nowMs - hourMs, cameras: [{ internalId, dueMs: 239 * dayMs }] },
  });
  expect(gate(239 * dayMs + hourMs, approvedFor(7))).toBe('go');
  expect(gate(239 * dayMs + hourMs, approvedFor(8))).toBe('unpredicted');
  const known = { ...clocksAt(nowMs), lookedMs: sweptMs, ...none, ...many, dueMs: 5736 * hourMs };
  const dueOf = [8, 7].map((internalId) => ({
    internalId,
    name: `Gate ${internalId}`,
    dueMs: internalId * 30 * dayMs,
  }));
  expect(judgeSweep({ ...known, dueOf })?.text).toBe(
    '5760 hours of “Gate 8” are due where at most 1 were expected. Of 1 more cameras, too, more is due than can be.',
  );
});

test('of a camera time alone brings no more than a second a second, whatever the forecast left out', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 7 * dayMs }),
      fc.integer({ min: 0, max: 7 * dayMs }),
      fc.integer({ min: 0, max: 60 * dayMs }),
      (afterMs, lumpAfterMs, lumpMs) => {
        // A hold's end lets a lump go.
        const dueBy = (ms: number): number => ms + (ms >= lumpAfterMs ? lumpMs : 0);
        const cameraForecast = forecastAheadMs.flatMap((ms) =>
          moreThanTime([{ internalId: 7, dueMs: dueBy(ms) }], { atMs: sweptMs + ms, sinceMs: sweptMs }),
        );
        const dueOf = [{ internalId: 7, name: 'Gate 2', dueMs: dueBy(afterMs) }];
        expect(judge(sweptMs + afterMs, 0, { cameraForecast, dueOf })).toBe('go');
      },
    ),
  );
});

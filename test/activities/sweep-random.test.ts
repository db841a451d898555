import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { placeHold, releaseHold } from '../../db/holds.ts';
import { changeRetention, undoShortening } from '../../db/retention.ts';
import { resumeSweeps, sweepState } from '../../db/sweep-state.ts';
import { many, transaction, type Transaction } from '../../db/sql.ts';
import { makeCamera } from '../db/fixtures.ts';
import { keysOf, storeFootage, type FootageOwner } from '../support/stored-footage.ts';
import { createSweepSite, type SweepSite } from './sweep-site.ts';
import { sweep, sweptAnHourBefore } from './whole-sweep.ts';

const [minuteMs, hourMs, dayMs] = [60_000, 3_600_000, 86_400_000];
/** A run takes some tenths of a second; more of them are for an evening. */
const runs = Number(process.env['FRAMEKEEP_TEST_RUNS'] ?? 15);
/** Ends of months and years, a leap day, and both changes of European summer time. */
const beginnings = [
  '2026-01-31T23:55:00Z',
  '2026-12-31T23:55:00Z',
  '2028-02-28T23:55:00Z',
  '2028-02-29T23:55:00Z',
  '2026-03-29T00:55:00Z',
  '2026-10-25T00:55:00Z',
].map((text) => Date.parse(text));

const days = fc.integer({ min: 1, max: 6 });
const minute = fc.integer({ min: 0, max: 11 });
/** Between hours and two years, of one clock; a minute is no reason to stop. */
const skewMs = fc.oneof(
  fc.constant(0),
  fc.constantFrom(-minuteMs, minuteMs),
  fc.integer({ min: 1, max: 2 * 365 * 24 }).map((hours) => hours * hourMs),
  fc.integer({ min: -2 * 365 * 24, max: -1 }).map((hours) => hours * hourMs),
);
const clockNames = ['here', 'database', 'store'] as const;
/** What happens after so many hours. */
const happening = fc.record({
  afterHours: fc.integer({ min: 0, max: 40 }),
  what: fc.oneof(
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('plan' as const), days }) },
    fc.record({ kind: fc.constant('undo' as const) }),
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('hold' as const),
        from: minute,
        length: fc.integer({ min: 1, max: 4 }),
        hours: fc.option(fc.integer({ min: 1, max: 150 })),
      }),
    },
    fc.record({ kind: fc.constant('release' as const) }),
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant('sweep' as const), skewMs, clock: fc.constantFrom(...clockNames) }),
    },
    // At the very millisecond at which a minute is due, or one before.
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('border' as const), minute, early: fc.boolean() }) },
  ),
});
const life = fc.record({
  beganMs: fc.constantFrom(...beginnings),
  minutes: fc.uniqueArray(minute, { minLength: 3, maxLength: 8 }).map((found) => found.toSorted((a, b) => a - b)),
  days,
  happenings: fc.array(happening, { minLength: 3, maxLength: 10 }),
});

let site: SweepSite;
beforeAll(async () => {
  site = await createSweepSite();
});
afterAll(() => site.close());

const inTransaction = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> => transaction(site.database.pool, work);

interface HeldMinutes {
  id: string;
  from: number;
  to: number;
  untilMs: number;
}

/** What must be, said anew in the simplest way: the plan, the holds, and the minutes that are left. */
interface Model {
  days: number;
  /** Wishes for less that wait, in order of time. */
  next: { days: number; atMs: number }[];
  holds: HeldMinutes[];
  left: number[];
}

function putInForce(model: Model, atMs: number): void {
  for (const one of model.next.filter((wish) => wish.atMs <= atMs)) model.days = Math.min(model.days, one.days);
  model.next = model.next.filter((wish) => wish.atMs > atMs);
}

function sweepModel(model: Model, beganMs: number, atMs: number): void {
  putInForce(model, atMs);
  model.left = model.left.filter((one) => {
    const isYoung = beganMs + (one + 1) * minuteMs + model.days * dayMs > atMs;
    return isYoung || model.holds.some(({ from, to, untilMs }) => untilMs > atMs && from <= one && one < to);
  });
}

/** Sweeps while one clock is wrong. @returns what time it was by the sweep; null: it was stopped */
async function sweepAt(nowMs: number, skew: number, clock: (typeof clockNames)[number]): Promise<number | null> {
  const told = (name: typeof clock): number => (name === clock ? nowMs + skew : nowMs);
  await sweptAnHourBefore(site.database.pool, nowMs);
  const clocks = { databaseNow: async () => told('database'), storeNow: async () => told('store') };
  const swept = await sweep(site.depsAt(told('here'), clocks));
  if (Math.abs(skew) <= 5 * minuteMs) return Math.min(nowMs, nowMs + skew);
  expect(swept).toBeNull();
  expect((await sweepState(site.database.pool)).stopped?.reason).toBe('clock');
  await inTransaction((tx) => resumeSweeps(tx, nowMs));
  return null;
}

async function minutesOf(camera: FootageOwner, beganMs: number): Promise<number[]> {
  const rows = await many(
    site.database.pool,
    z.object({ start_at: z.date() }).transform((row) => (row.start_at.getTime() - beganMs) / minuteMs),
    `select start_at from segment where camera_id = $1 and state = 0 order by start_at`,
    [camera.internalId],
  );
  expect(await keysOf(site.objects, camera)).toHaveLength(rows.length);
  return rows;
}

test(
  'random lives: no kept minute is deleted, no due minute survives a sweep by right clocks',
  { timeout: 60_000 + runs * 4_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(life, async ({ beganMs, minutes, days: firstDays, happenings }) => {
        const camera = await makeCamera(site.database.pool, { createdAtMs: beganMs });
        await site.database.pool.query(`update camera set retention_days = $2 where id = $1`, [
          camera.internalId,
          firstDays,
        ]);
        for (const one of minutes) {
          await storeFootage({ db: site.database.pool, objects: site.objects }, camera, {
            startMs: beganMs + one * minuteMs,
          });
        }
        const model: Model = { days: firstDays, next: [], holds: [], left: minutes };
        let nowMs = beganMs + 12 * minuteMs;
        const sweepNow = async (skew = 0, clock: (typeof clockNames)[number] = 'here'): Promise<void> => {
          const atMs = await sweepAt(nowMs, skew, clock);
          if (atMs !== null) sweepModel(model, beganMs, atMs);
          expect(await minutesOf(camera, beganMs)).toEqual(model.left);
        };
        for (const { afterHours, what } of happenings) {
          nowMs += afterHours * hourMs;
          const clocks = { earlierMs: nowMs, laterMs: nowMs };
          if (what.kind === 'plan') {
            await inTransaction((tx) => changeRetention(tx, camera.id, what.days, clocks));
            putInForce(model, nowMs);
            if (what.days >= model.days) [model.days, model.next] = [what.days, []];
            else {
              // Those before it go on, but for what it wishes to keep.
              for (const one of model.next) one.days = Math.max(one.days, what.days);
              model.next.push({ days: what.days, atMs: nowMs + 3 * dayMs });
            }
          } else if (what.kind === 'undo') {
            await inTransaction((tx) => undoShortening(tx, camera.id, nowMs));
            putInForce(model, nowMs);
            model.next = [];
          } else if (what.kind === 'hold') {
            const [from, to] = [what.from, what.from + what.length];
            const untilMs = what.hours === null ? null : nowMs + what.hours * hourMs;
            const range = { startMs: beganMs + from * minuteMs, endMs: beganMs + to * minuteMs };
            const placed = { reason: 'case', placedBy: 'account:admin', placedAtMs: nowMs };
            const { hold } = await inTransaction((tx) =>
              placeHold(tx, { cameraId: camera.id, ...range, untilMs, ...placed }),
            );
            model.holds.push({ id: hold.id, from, to, untilMs: untilMs ?? Infinity });
          } else if (what.kind === 'release') {
            const released = model.holds.shift();
            if (released === undefined) continue;
            await inTransaction((tx) => releaseHold(tx, released.id, { by: 'account:admin', nowMs }));
          } else if (what.kind === 'border') {
            const dueMs = beganMs + (what.minute + 1) * minuteMs + model.days * dayMs - (what.early ? 1 : 0);
            nowMs = Math.max(nowMs, dueMs);
            await sweepNow();
          } else {
            await sweepNow(what.skewMs, what.clock);
          }
        }
        await sweepNow();
        nowMs += 10 * dayMs;
        for (const { id } of model.holds.splice(0)) {
          await inTransaction((tx) => releaseHold(tx, id, { by: 'account:admin', nowMs }));
        }
        await sweepNow();
        expect(model.left).toEqual([]);
        await site.clear();
      }),
      { numRuns: runs },
    );
  },
);

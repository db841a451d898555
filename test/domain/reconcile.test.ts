import fc from 'fast-check';
import { expect, test } from 'vitest';
import { besideEachOther, inFlightMs, isSettled, judgePass, judgeStray, type Stray } from '../../domain/reconcile.ts';

const clock = { nowMs: 1_000_000_000_000, latestMs: 1_000_000_000_500 };
const stray = fc.record<Stray>({
  modifiedMs: fc.integer({ min: clock.nowMs - 3 * inFlightMs, max: clock.nowMs + inFlightMs }),
  endMs: fc.integer({ min: clock.nowMs - 10 * inFlightMs, max: clock.nowMs + 2 * inFlightMs }),
  isCollected: fc.boolean(),
  camera: fc.constantFrom('foreign', 'kept', 'purging', 'purged'),
  wasDeleted: fc.boolean(),
  cutoffMs: fc.integer({ min: clock.nowMs - 12 * inFlightMs, max: clock.nowMs }),
  isHeld: fc.boolean(),
  freeMs: fc.integer({ min: 0, max: 2000 }),
});

test('only what is old enough, of a kept camera, never deleted, young or held, and missed is catalogued', () => {
  fc.assert(
    fc.property(stray, (one) => {
      const { verdict } = judgeStray(one, clock);
      const mayRise =
        one.camera === 'kept' && !one.wasDeleted && !one.isCollected && (one.endMs > one.cutoffMs || one.isHeld);
      if (verdict === 'catalogue') expect(mayRise && one.freeMs > 500).toBe(true);
      // What is wanted and fills a hole is neither deleted nor overlooked.
      if (mayRise && one.freeMs > 500) expect(verdict).not.toBe('quarantine');
      if (one.camera === 'foreign') expect(['leave', 'report']).toContain(verdict);
      if (one.modifiedMs > clock.nowMs - inFlightMs) expect(verdict).toBe('leave');
    }),
  );
});

test('a row is settled two hours after its end', () => {
  expect(isSettled({ endMs: clock.nowMs - inFlightMs }, clock.nowMs)).toBe(true);
  expect(isSettled({ endMs: clock.nowMs - inFlightMs + 1 }, clock.nowMs)).toBe(false);
});

test('a pass may touch ten, its share, or what was approved', () => {
  const pass = { rows: 5000, objects: 4000, touched: 50, approved: 0 };
  expect(judgePass(pass, 1)).toBeNull();
  expect(judgePass({ ...pass, touched: 51 }, 1)).toContain('51 of 5000');
  expect(judgePass({ ...pass, touched: 51, approved: 51 }, 1)).toBeNull();
  expect(judgePass({ rows: 0, objects: 12, touched: 10, approved: 0 }, 1)).toBeNull();
  expect(judgePass({ rows: 0, objects: 12, touched: 11, approved: 0 }, 1)).not.toBeNull();
});

async function* from(keys: readonly string[]): AsyncGenerator<{ key: string }> {
  for (const key of keys) yield { key };
}

test('two sorted sequences stand beside each other, each key once', async () => {
  const sorted = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 3 })).map((keys) => keys.toSorted(byCodeUnits));
  await fc.assert(
    fc.asyncProperty(sorted, sorted, async (rows, objects) => {
      const pairs = [];
      for await (const { row, object } of besideEachOther(from(rows), from(objects))) {
        if (row !== null && object !== null) expect(row.key).toBe(object.key);
        pairs.push({ row: row?.key ?? null, object: object?.key ?? null });
      }
      const all = [...new Set([...rows, ...objects])].toSorted(byCodeUnits);
      expect(pairs).toEqual(
        all.map((key) => ({ row: rows.includes(key) ? key : null, object: objects.includes(key) ? key : null })),
      );
    }),
  );
});

const byCodeUnits = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

test('what is not sorted is an error, not a loss', async () => {
  const read = async (): Promise<void> => {
    for await (const pair of besideEachOther(from(['a', 'b']), from(['b', 'a']))) expect(pair).toBeDefined();
  };
  await expect(read()).rejects.toThrow('not sorted: a comes after b');
});

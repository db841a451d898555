import fc from 'fast-check';
import { expect, test } from 'vitest';
import { gapReasons } from '../../domain/gap-reason.ts';
import {
  dominantReason,
  explainHoles,
  gapToleranceMs,
  mergeHoles,
  type GapClaim,
  type Hole,
} from '../../domain/gaps.ts';
import { explainHolesSlowly } from './explain-slowly.ts';

const nowMs = 100_000;
const holes: fc.Arbitrary<Hole[]> = fc.array(
  fc.tuple(fc.integer({ min: 0, max: 90_000 }), fc.integer({ min: 501, max: 20_000 })).map(([startMs, lengthMs]) => ({
    startMs,
    endMs: Math.min(nowMs, startMs + lengthMs),
  })),
  { maxLength: 6 },
);
const claim: fc.Arbitrary<GapClaim> = fc
  .record({
    startMs: fc.integer({ min: -5_000, max: nowMs }),
    lengthMs: fc.option(fc.integer({ min: 0, max: 30_000 }), { nil: null }),
    reason: fc.constantFrom(...gapReasons.filter((reason) => reason !== 'unknown')),
    id: fc.uuid(),
  })
  .map(({ startMs, lengthMs, reason, id }) => ({
    startMs,
    endMs: lengthMs === null ? null : startMs + lengthMs,
    reason,
    evidence: { lastError: id },
  }));
const claims = fc.array(claim, { maxLength: 8 });

test('gaps cover the holes exactly, in order and without overlap', () => {
  fc.assert(
    fc.property(holes, claims, (given, explained) => {
      const gaps = explainHoles(given, explained, nowMs);
      const ends = gaps.map((gap) => ({ startMs: gap.startMs, endMs: gap.endMs ?? nowMs }));
      expect(mergeHoles(ends)).toEqual(mergeHoles(given));
      for (const [i, gap] of ends.entries()) {
        expect(gap.endMs).toBeGreaterThan(gap.startMs);
        expect(gap.startMs).toBeGreaterThanOrEqual(ends[i - 1]?.endMs ?? -Infinity);
      }
    }),
  );
});

test('a reason comes from a claim that overlaps the gap; without one it is unknown', () => {
  fc.assert(
    fc.property(holes, claims, (given, explained) => {
      for (const gap of explainHoles(given, explained, nowMs)) {
        const endMs = gap.endMs ?? nowMs;
        const overlapping = explained.filter((one) => one.startMs < endMs && (one.endMs ?? Infinity) > gap.startMs);
        if (gap.reason === 'unknown') expect(gap.evidence).toEqual({});
        else expect(overlapping.map((one) => one.evidence)).toContainEqual(gap.evidence);
      }
    }),
  );
});

test('a gap is shorter than the tolerance only where its whole hole is', () => {
  fc.assert(
    fc.property(holes, claims, (given, explained) => {
      for (const gap of explainHoles(given, explained, nowMs)) {
        const hole = mergeHoles(given).find((one) => one.startMs <= gap.startMs && one.endMs > gap.startMs);
        const isWhole = hole?.startMs === gap.startMs && hole.endMs === (gap.endMs ?? nowMs);
        if (!isWhole) expect((gap.endMs ?? nowMs) - gap.startMs).toBeGreaterThan(gapToleranceMs);
      }
    }),
  );
});

test('only the last gap is open, and only by an open claim', () => {
  fc.assert(
    fc.property(holes, claims, (given, explained) => {
      for (const [i, gap] of explainHoles(given, explained, nowMs).entries()) {
        if (gap.endMs !== null) continue;
        expect(i).toBe(explainHoles(given, explained, nowMs).length - 1);
        expect(explained.some((one) => one.endMs === null && one.reason === gap.reason)).toBe(true);
      }
    }),
  );
});

/** Many of both, close together: slivers beside slivers, equal lengths, equal starts, claims without length. */
const dense = fc.record({
  holes: fc.array(
    fc
      .tuple(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 0, max: 60 }))
      .map(([start, length]) => ({ startMs: start * 100, endMs: (start + length) * 100 })),
    { maxLength: 20 },
  ),
  claims: fc.array(
    claim.map((one) => {
      const startMs = Math.round(one.startMs / 200) * 100;
      const lengthMs = one.endMs === null ? null : Math.round((one.endMs - one.startMs) / 2500) * 100;
      return { ...one, startMs, endMs: lengthMs === null ? null : startMs + lengthMs };
    }),
    { maxLength: 40 },
  ),
});

test('one sweep over all holes explains them as each claim looked at for each of them does', () => {
  const same = (given: { holes: Hole[]; claims: GapClaim[] }): void => {
    const slowly = explainHolesSlowly(given.holes, given.claims, nowMs);
    expect(explainHoles(given.holes, given.claims, nowMs)).toEqual(slowly);
  };
  fc.assert(fc.property(dense, same), { numRuns: 1000 });
  fc.assert(fc.property(fc.record({ holes, claims }), same));
});

test('of a camera that drops every 9 s for days each claim is looked at a few times, not once for each hole', () => {
  let looks = 0;
  const drops = Array.from({ length: 20_000 }, (_, i) => ({ startMs: i * 9000 + 6000, endMs: (i + 1) * 9000 }));
  const reasons = drops.map(({ startMs, endMs }): GapClaim => ({
    ...claimed(startMs + 100, null, 'closed'),
    get endMs() {
      looks += 1;
      return endMs + 100;
    },
  }));
  const allMs = 20_000 * 9000;
  expect(explainHoles(drops, reasons, allMs + 1)).toHaveLength(drops.length);
  expect(explainHoles([{ startMs: 0, endMs: allMs }], reasons, allMs + 1)).toHaveLength(2 * drops.length);
  expect(looks).toBeLessThan(20 * drops.length);
});

const claimed = (startMs: number, endMs: number | null, reason: GapClaim['reason']): GapClaim => ({
  startMs,
  endMs,
  reason,
  evidence: {},
});
const shown = (given: Hole[], explained: GapClaim[]) =>
  explainHoles(given, explained, nowMs).map((gap) => [gap.startMs, gap.endMs, gap.reason]);

test('a hole is cut where its claims change', () => {
  const hole = { startMs: 10_000, endMs: 40_000 };
  expect(shown([hole], [claimed(12_000, 20_000, 'stalled'), claimed(20_000, 30_000, 'unreachable')])).toEqual([
    [10_000, 12_000, 'unknown'],
    [12_000, 20_000, 'stalled'],
    [20_000, 30_000, 'unreachable'],
    [30_000, 40_000, 'unknown'],
  ]);
});

test('a sliver joins its longer neighbour, so a claim that is some 100 ms off explains the whole hole', () => {
  const hole = { startMs: 10_000, endMs: 40_000 };
  expect(shown([hole], [claimed(10_400, 39_600, 'auth')])).toEqual([[10_000, 40_000, 'auth']]);
  expect(shown([hole], [claimed(9_000, 12_000, 'closed'), claimed(12_300, 41_000, 'auth')])).toEqual([
    [10_000, 12_000, 'closed'],
    [12_000, 40_000, 'auth'],
  ]);
});

test('the claim that started last wins, but a pause wins over all', () => {
  const hole = { startMs: 10_000, endMs: 40_000 };
  expect(shown([hole], [claimed(20_000, 30_000, 'auth'), claimed(0, 50_000, 'host-lost')])).toEqual([
    [10_000, 20_000, 'host-lost'],
    [20_000, 30_000, 'auth'],
    [30_000, 40_000, 'host-lost'],
  ]);
  expect(shown([hole], [claimed(20_000, 30_000, 'auth'), claimed(0, 50_000, 'paused')])).toEqual([
    [10_000, 40_000, 'paused'],
  ]);
});

test('a hole up to now stays open; one that ended does not, whatever its claim says', () => {
  const open = [claimed(50_000, null, 'refused')];
  expect(shown([{ startMs: 50_000, endMs: nowMs }], open)).toEqual([[50_000, null, 'refused']]);
  expect(shown([{ startMs: 50_000, endMs: 60_000 }], open)).toEqual([[50_000, 60_000, 'refused']]);
});

test('the owner follows from the reason', () => {
  const hole = { startMs: 10_000, endMs: 40_000 };
  const owners = gapReasons.map((reason) => explainHoles([hole], [claimed(0, null, reason)], nowMs)[0]?.owner);
  expect(new Set(owners)).toEqual(new Set(['camera', 'network', 'service', 'operator', 'unknown']));
});

test('the dominant reason is the one that held longest; operator yields to any failure', () => {
  const spell = (reason: GapClaim['reason'], sinceMs: number) => ({ reason, sinceMs, attempts: 1 });
  expect(dominantReason([], 10)).toBe('unknown');
  expect(dominantReason([spell('operator', 0)], 10)).toBe('operator');
  expect(dominantReason([spell('operator', 0), spell('refused', 9_000)], 10_000)).toBe('refused');
  expect(dominantReason([spell('closed', 0), spell('unreachable', 1_000), spell('closed', 5_000)], 8_500)).toBe(
    'closed',
  );
  expect(dominantReason([spell('closed', 0), spell('unreachable', 1_000), spell('closed', 5_000)], 7_500)).toBe(
    'unreachable',
  );
});

test('the dominant reason is one of the history and no reason held longer', () => {
  const history = fc
    .array(fc.tuple(fc.constantFrom(...gapReasons), fc.integer({ min: 1, max: 1000 })), { minLength: 1, maxLength: 8 })
    .map((steps) => {
      let sinceMs = 0;
      const spells = steps.map(([reason, lengthMs]) => {
        const spell = { reason, sinceMs, attempts: 1, lengthMs };
        sinceMs += lengthMs;
        return spell;
      });
      return { spells, endMs: sinceMs };
    });
  fc.assert(
    fc.property(history, ({ spells, endMs }) => {
      const held = (reason: string) =>
        spells.reduce((sum, spell) => (spell.reason === reason ? sum + spell.lengthMs : sum), 0);
      const found = dominantReason(spells, endMs);
      for (const { reason } of spells) {
        if (reason !== 'operator') expect(held(found)).toBeGreaterThanOrEqual(held(reason));
      }
      if (found === 'operator') expect(spells.every((spell) => spell.reason === 'operator')).toBe(true);
    }),
  );
});

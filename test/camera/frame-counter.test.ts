import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { followFrames, unwrapCounters } from '../support/frame-counter.ts';

const loopFrames = 300;
const wrapped = (indexes: number[]): number[] => indexes.map((index) => index % loopFrames);

/** Increasing indexes with holes shorter than half a loop. */
const indexes = fc
  .tuple(fc.nat(loopFrames - 1), fc.array(fc.integer({ min: 1, max: loopFrames / 2 - 1 }), { maxLength: 200 }))
  .map(([first, steps]) => steps.reduce((all, step) => [...all, (all.at(-1) ?? 0) + step], [first]));

describe('followFrames', () => {
  it('counts on across repetitions of the loop, and names what is missing', () => {
    fc.assert(
      fc.property(indexes, (sent) => {
        const report = followFrames(wrapped(sent), loopFrames);
        expect(report.indexes).toEqual(sent);
        const all = Array.from(
          { length: (sent.at(-1) ?? 0) - (sent[0] ?? 0) + 1 },
          (_, place) => (sent[0] ?? 0) + place,
        );
        expect(report.missing).toEqual(all.filter((index) => !sent.includes(index)));
        expect(report.duplicated).toEqual([]);
        expect(report.reordered).toEqual([]);
      }),
    );
  });

  it('names pictures that come twice or late', () => {
    expect(followFrames([298, 299, 0, 0, 3, 2, 4], loopFrames)).toEqual({
      indexes: [298, 299, 300, 300, 303, 302, 304],
      missing: [301],
      duplicated: [300],
      reordered: [302],
    });
  });

  it('has nothing to say of no pictures', () => {
    expect(followFrames([], loopFrames)).toEqual({ indexes: [], missing: [], duplicated: [], reordered: [] });
  });
});

describe('unwrapCounters', () => {
  it('follows the wall clock over outages longer than the loop', () => {
    fc.assert(
      fc.property(fc.nat(1_000_000), fc.integer({ min: -140, max: 140 }), (index, error) => {
        expect(unwrapCounters([index % loopFrames], loopFrames, [index + error])).toEqual([index]);
      }),
    );
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addDays, addMonths, lastDayOfTerm, lastDayWhenEnded, remainingMonths } from '../../domain/contract.ts';
import { exitFee, monthlyPrice, retentionMonths, type PriceList } from '../../domain/price.ts';

const prices: PriceList = {
  name: '2026',
  currency: 'USD',
  firstMonthCents: 1200,
  furtherMonthCents: 200,
  minimumMonths: 12,
  noticeDays: 30,
  exitFeeCents: 1500,
  prepayDiscounts: [
    { months: 6, percent: 5 },
    { months: 12, percent: 10 },
  ],
};
const terms = { startsOn: '2026-01-31', termMonths: 12, noticeDays: 30, prepayMonths: 0 };
const day = fc.integer({ min: 0, max: 20_000 }).map((days) => addDays('2000-01-01', days));

describe('days', () => {
  test('months end where they end', () => {
    expect(addMonths('2026-01-31', 1)).toBe('2026-02-28');
    expect(addMonths('2024-01-31', 1)).toBe('2024-02-29');
    expect(addMonths('2026-12-15', 1)).toBe('2027-01-15');
    expect(lastDayOfTerm(terms)).toBe('2027-01-30');
  });

  test('more months are never earlier', () => {
    fc.assert(
      fc.property(day, fc.nat(60), (start, months) => {
        expect(addMonths(start, months + 1) > addMonths(start, months)).toBe(true);
      }),
    );
  });
});

describe('ending', () => {
  test('with notice not before the term is over, early after the notice, without payment today', () => {
    expect(lastDayWhenEnded(terms, '2026-03-01', 'notice')).toBe('2027-01-30');
    expect(lastDayWhenEnded(terms, '2027-01-20', 'notice')).toBe('2027-02-19');
    expect(lastDayWhenEnded(terms, '2026-03-01', 'early')).toBe('2026-03-31');
    expect(lastDayWhenEnded(terms, '2026-03-01', 'non-payment')).toBe('2026-03-01');
  });

  test('a month of the term that has begun counts, and the fee is $15 for each', () => {
    expect(remainingMonths(terms, '2027-01-30')).toBe(0);
    expect(remainingMonths(terms, '2027-01-29')).toBe(1);
    expect(remainingMonths(terms, '2026-12-30')).toBe(1);
    expect(remainingMonths(terms, '2026-12-29')).toBe(2);
    expect(remainingMonths(terms, '2026-01-30')).toBe(12);
    expect(exitFee(prices, terms, '2026-12-29')).toMatchObject({ cents: 3000 });
    expect(exitFee(prices, terms, '2027-06-30')).toMatchObject({ cents: 0 });
  });

  test('the later the last day, the fewer months are left; never fewer than none or more than the term', () => {
    fc.assert(
      fc.property(day, fc.integer({ min: 1, max: 36 }), fc.nat(1500), (startsOn, termMonths, days) => {
        const some = { startsOn, termMonths, noticeDays: 30, prepayMonths: 0 };
        const left = remainingMonths(some, addDays(startsOn, days));
        expect(left).toBeGreaterThanOrEqual(remainingMonths(some, addDays(startsOn, days + 1)));
        expect(left).toBeGreaterThanOrEqual(0);
        expect(left).toBeLessThanOrEqual(termMonths);
        expect(left === 0).toBe(addDays(startsOn, days) >= lastDayOfTerm(some));
      }),
    );
  });
});

describe('price', () => {
  test('is $12 at one month, $2 for each further one, $34 at twelve', () => {
    const sumOf = (days: number) => monthlyPrice(prices, terms, [days]).at(-1)?.cents;
    expect([30, 31, 32, 62, 90, 92, 365, 366].map(retentionMonths)).toEqual([1, 1, 2, 2, 3, 3, 12, 12]);
    expect([30, 60, 365].map(sumOf)).toEqual([1200, 1400, 3400]);
  });

  test('names its lines, and takes off what paying ahead earns', () => {
    const lines = monthlyPrice(prices, { ...terms, prepayMonths: 12 }, [30, 30, 60]);
    expect(lines).toEqual([
      { text: '2 x 1 month(s) of retention at USD 12.00 = USD 24.00', cents: 2400 },
      { text: '1 x 2 month(s) of retention at USD 14.00 = USD 14.00', cents: 1400 },
      { text: '12 months paid ahead: 10 % of USD 38.00', cents: -380 },
      { text: 'a month', cents: 3420 },
    ]);
    expect(monthlyPrice(prices, { ...terms, prepayMonths: 7 }, [30]).at(-1)?.cents).toBe(1140);
    expect(monthlyPrice(prices, { ...terms, prepayMonths: 3 }, [30]).at(-1)?.cents).toBe(1200);
  });

  test('the sum is the sum of the lines', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 366 })), fc.nat(24), (cameras, prepayMonths) => {
        const lines = monthlyPrice(prices, { ...terms, prepayMonths }, cameras);
        const sum = lines.slice(0, -1).reduce((total, { cents }) => total + cents, 0);
        expect(lines.at(-1)?.cents).toBe(sum);
      }),
    );
  });
});

import { lastDayOfTerm, remainingMonths, type ContractTerms } from './contract.ts';

/** What recording costs; a row of the database. Money in cents. */
export interface PriceList {
  name: string;
  currency: string;
  /** A camera a month at one month of retention. */
  firstMonthCents: number;
  furtherMonthCents: number;
  minimumMonths: number;
  noticeDays: number;
  /** For each month of the term that is left. */
  exitFeeCents: number;
  prepayDiscounts: readonly { months: number; percent: number }[];
}

/** One line of an explained price. */
export interface PriceLine {
  text: string;
  cents: number;
}

/** The retention months that days are priced as: 31 days are one month, 366 are twelve. */
export function retentionMonths(retentionDays: number): number {
  return Math.min(12, Math.max(1, Math.ceil(retentionDays / 31)));
}

/** A camera's list price a month. */
export function cameraCents(list: PriceList, months: number): number {
  return list.firstMonthCents + (months - 1) * list.furtherMonthCents;
}

/**
 * A month's price, line by line; the last line is the sum.
 * @param cameras retention days of each camera that is paid for
 */
export function monthlyPrice(list: PriceList, terms: ContractTerms, cameras: readonly number[]): PriceLine[] {
  const counts = new Map<number, number>();
  for (const days of cameras) counts.set(retentionMonths(days), (counts.get(retentionMonths(days)) ?? 0) + 1);
  const lines = [...counts]
    .toSorted(([a], [b]) => a - b)
    .map(([months, count]) => {
      const each = cameraCents(list, months);
      const cents = count * each;
      return {
        text: `${count} x ${months} month(s) of retention at ${money(list, each)} = ${money(list, cents)}`,
        cents,
      };
    });
  const listCents = lines.reduce((sum, { cents }) => sum + cents, 0);
  const discount = discountOf(list, terms.prepayMonths);
  if (discount !== null) {
    const cents = -Math.round((listCents * discount.percent) / 100);
    const text = `${terms.prepayMonths} months paid ahead: ${discount.percent} % of ${money(list, listCents)}`;
    lines.push({ text, cents });
  }
  const sum = lines.reduce((total, { cents }) => total + cents, 0);
  return [...lines, { text: 'a month', cents: sum }];
}

/** What leaving after a last day costs, explained. */
export function exitFee(list: PriceList, terms: ContractTerms, lastDay: string): PriceLine {
  const months = remainingMonths(terms, lastDay);
  const cents = months * list.exitFeeCents;
  const term = `the term ends on ${lastDayOfTerm(terms)}`;
  return months === 0
    ? { text: `nothing: ${term}, the last day is ${lastDay}`, cents: 0 }
    : {
        text: `${months} remaining month(s) x ${money(list, list.exitFeeCents)}: ${term}, the last day is ${lastDay}`,
        cents,
      };
}

/** The discount for paying so many months ahead: that of the largest step not above it. */
function discountOf(list: PriceList, prepayMonths: number): { months: number; percent: number } | null {
  const steps = list.prepayDiscounts.filter(({ months }) => months <= prepayMonths);
  return steps.toSorted((a, b) => b.months - a.months)[0] ?? null;
}

function money(list: PriceList, cents: number): string {
  return `${list.currency} ${(cents / 100).toFixed(2)}`;
}

/** What was agreed with a tenant. Days are `2026-11-24`, UTC. */
export interface ContractTerms {
  startsOn: string;
  /** The minimum term. */
  termMonths: number;
  noticeDays: number;
  /** So many months are paid ahead each time; 0: month by month. */
  prepayMonths: number;
}

export type EndReason = 'notice' | 'early' | 'non-payment';

const dayMs = 24 * 3_600_000;

/** The day after `days` days. */
export function addDays(day: string, days: number): string {
  return dayOf(Date.parse(`${day}T00:00:00Z`) + days * dayMs);
}

/** The same day of another month, or its last day where it has none: 31 January + 1 month is 28 February. */
export function addMonths(day: string, months: number): string {
  const [year, month, date] = partsOf(day);
  const lastDate = new Date(Date.UTC(year, month + months, 0)).getUTCDate();
  return dayOf(Date.UTC(year, month - 1 + months, Math.min(date, lastDate)));
}

/** The UTC day of an instant. */
export function dayOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10);
}

/**
 * What is wrong with terms that somebody asks for, and in which of them; null: nothing.
 * @param minimumMonths of the price list that they are agreed by
 */
export function wrongTerms(
  { termMonths, prepayMonths }: Pick<ContractTerms, 'termMonths' | 'prepayMonths'>,
  minimumMonths: number,
): { path: 'termMonths' | 'prepayMonths'; message: string } | null {
  if (termMonths < minimumMonths) {
    return { path: 'termMonths', message: `must be at least ${minimumMonths}, the minimum of the price list` };
  }
  if (prepayMonths > termMonths) {
    return { path: 'prepayMonths', message: `must be no more than the term of ${termMonths} months` };
  }
  return null;
}

/** The last day of the minimum term. */
export function lastDayOfTerm(terms: ContractTerms): string {
  return addDays(addMonths(terms.startsOn, terms.termMonths), -1);
}

/**
 * The last day of a contract that is ended on `today`: after the notice period and not before the term is over; by
 * leaving early after the notice period alone; without payment today.
 */
export function lastDayWhenEnded(terms: ContractTerms, today: string, reason: EndReason): string {
  if (reason === 'non-payment') return today;
  const afterNotice = addDays(today, terms.noticeDays);
  const termEnd = lastDayOfTerm(terms);
  return reason === 'early' || afterNotice > termEnd ? afterNotice : termEnd;
}

/** Months of the minimum term that are left after a last day; a month that has begun counts. */
export function remainingMonths(terms: ContractTerms, lastDay: string): number {
  const next = addDays(lastDay, 1);
  for (let month = 0; month < terms.termMonths; month += 1) {
    if (addMonths(terms.startsOn, terms.termMonths - month) <= next) return month;
  }
  return terms.termMonths;
}

function partsOf(day: string): [number, number, number] {
  const [year = 0, month = 0, date = 0] = day.split('-').map(Number);
  return [year, month, date];
}

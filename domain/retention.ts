export const dayMs = 24 * 3600 * 1000;

/** A shorter retention takes effect after this time: what is asked for on a Friday can be undone on Monday. */
export const shorteningDelayMs = 3 * dayMs;

export const mostRetentionDays = 366;

/**
 * Months of retention as days: 31 each, so that no calendar month is cut short, and 366 for twelve, so that a year
 * never is. It is the same rule that prices follow, the other way round.
 */
export function daysOfMonths(months: number): number {
  return Math.min(mostRetentionDays, 31 * months);
}

/** Time that does not count as age; `endMs` null: it lasts. */
export interface RetentionPause {
  startMs: number;
  endMs: number | null;
  /** From then on all its time counts as age after all: that the archive ages in grace was asked for. */
  voidFromMs?: number | undefined;
}

/** Whether footage of a tenant's retired cameras goes on to age while their grace lasts. */
export type GraceArchive = 'frozen' | 'rolling';

/** The rule of a tenant; `rollsAtMs`: from when on a frozen archive ages, null: never. */
export interface GraceTerms {
  graceArchive: GraceArchive;
  rollsAtMs: number | null;
}

/** How long a camera's footage is kept. */
export interface RetentionTerms {
  days: number;
  /** A shorter retention, in force from `atMs`. */
  next: { days: number; atMs: number } | null;
  /** In order of time, apart from each other. */
  pauses: readonly RetentionPause[];
}

/**
 * The instant before which a camera's footage has reached its age. A segment is due when it ends at or before it.
 * @param atMs when to look; times to come count as if nothing but what is known now would happen
 */
export function cutoffMs(terms: RetentionTerms, atMs: number): number {
  const days = terms.next !== null && terms.next.atMs <= atMs ? terms.next.days : terms.days;
  let fromMs = atMs;
  let leftMs = days * dayMs;
  for (const pause of terms.pauses.toReversed()) {
    if (isVoid(pause, atMs)) continue;
    const endMs = Math.min(pause.endMs ?? atMs, atMs);
    if (endMs <= pause.startMs) continue;
    if (fromMs - endMs >= leftMs) break;
    leftMs -= fromMs - endMs;
    fromMs = pause.startMs;
  }
  return fromMs - leftMs;
}

const isVoid = ({ voidFromMs }: RetentionPause, atMs: number): boolean =>
  voidFromMs !== undefined && voidFromMs <= atMs;

/** The pause in which a camera's footage does not age at that time, without an end; null: it ages. */
export function openPause(terms: Pick<RetentionTerms, 'pauses'>, atMs: number): RetentionPause | null {
  const last = terms.pauses.at(-1);
  return last === undefined || last.endMs !== null || isVoid(last, atMs) ? null : last;
}

/**
 * What a wish for an archive that ages in grace, or does not, does: what keeps footage holds at once, what lets it age
 * after the delay of a shorter retention. Asked for again while it waits it comes no later.
 */
export function changeOfGraceArchive(terms: GraceTerms, wanted: GraceArchive, nowMs: number): GraceTerms {
  if (wanted === 'frozen' || terms.graceArchive === 'rolling') return { graceArchive: wanted, rollsAtMs: null };
  return { graceArchive: 'frozen', rollsAtMs: terms.rollsAtMs ?? nowMs + shorteningDelayMs };
}

/** What a wish to keep footage for so many days does: more at once, less after a delay. */
export function changeOfRetention(
  terms: Pick<RetentionTerms, 'days'>,
  days: number,
  nowMs: number,
): Pick<RetentionTerms, 'days' | 'next'> {
  if (days >= terms.days) return { days, next: null };
  return { days: terms.days, next: { days, atMs: nowMs + shorteningDelayMs } };
}

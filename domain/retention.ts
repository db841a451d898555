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
    const endMs = Math.min(pause.endMs ?? atMs, atMs);
    if (endMs <= pause.startMs) continue;
    if (fromMs - endMs >= leftMs) break;
    leftMs -= fromMs - endMs;
    fromMs = pause.startMs;
  }
  return fromMs - leftMs;
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

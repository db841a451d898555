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

/** A shorter retention, in force from `atMs`. */
export interface Shortening {
  days: number;
  atMs: number;
}

/** How long a camera's footage is kept. */
export interface RetentionTerms {
  days: number;
  /** What was asked for last. `sooner`: what is in force before it, in order of time, each shorter than the one before. */
  next: (Shortening & { sooner: readonly Shortening[] }) | null;
  /** In order of time, apart from each other. */
  pauses: readonly RetentionPause[];
}

/**
 * The instant before which a camera's footage has reached its age. A segment is due when it ends at or before it.
 * @param atMs when to look; times to come count as if nothing but what is known now would happen
 */
export function cutoffMs(terms: RetentionTerms, atMs: number): number {
  const { days } = retentionInForce(terms, atMs);
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
  // A delay that began by a clock that was fast ends as one that begins now.
  return { graceArchive: 'frozen', rollsAtMs: Math.min(terms.rollsAtMs ?? Infinity, nowMs + shorteningDelayMs) };
}

/** A camera's retention with what is due of it in force, whether or not a sweep has put it there. */
export function retentionInForce(terms: WaitingRetention, atMs: number): WaitingRetention {
  const steps = stepsOf(terms);
  const due = steps.filter((step) => step.atMs <= atMs);
  return { days: due.at(-1)?.days ?? terms.days, next: nextOf(steps.slice(due.length)) };
}

type WaitingRetention = Pick<RetentionTerms, 'days' | 'next'>;

const stepsOf = ({ next }: WaitingRetention): Shortening[] =>
  next === null ? [] : [...next.sooner, { days: next.days, atMs: next.atMs }];

function nextOf(steps: readonly Shortening[]): WaitingRetention['next'] {
  const last = steps.at(-1);
  return last === undefined ? null : { ...last, sooner: steps.slice(0, -1) };
}

/**
 * What a wish to keep footage for so many days does: more at once, less after a delay. What waits already keeps its time
 * for all that both delete: who asks again each day is heard, and two that ask for different ones by turns do not put
 * each other off; what only the one before would delete is kept. One that is due counts as in force, so that no wish for
 * less brings back what has expired by it.
 * @param clocks the delay begins by the later one, and is over by the earlier one
 */
export function changeOfRetention(
  terms: WaitingRetention,
  days: number,
  { earlierMs, laterMs }: { earlierMs: number; laterMs: number },
): WaitingRetention {
  const inForce = retentionInForce(terms, earlierMs);
  if (days >= inForce.days) return { days, next: null };
  const afterMs = laterMs + shorteningDelayMs;
  const steps = [...stepsOf(inForce), { days, atMs: afterMs }].map((step) => ({
    days: Math.max(step.days, days),
    // A delay that began by a clock that was fast ends as one that begins now.
    atMs: Math.min(step.atMs, afterMs),
  }));
  // Of those that now are for as many days the first one counts.
  const wanted = steps.filter((step, i) => step.days !== steps[i - 1]?.days);
  return { days: inForce.days, next: nextOf(wanted) };
}

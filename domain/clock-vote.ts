/**
 * A host clock that is wrong by years would put footage where it expires at once, or years ahead, where the archive goes
 * on from for ever. So it is one of three: what two of host, database and object store agree on is the time.
 */

/** By how much another clock is ahead of this one: bounds, since its answer took time and may be in whole seconds. */
export interface ClockOffset {
  leastMs: number;
  mostMs: number;
}

/** Clocks kept by NTP differ by ms. Seams cope with more than this, so nothing smaller is worth a correction. */
const agreeMs = 2000;

/** Of an answer that took 27 s nobody knows when it was given: it would agree with a clock that is 27 s off. */
const longestAnswerMs = 2000;

/**
 * @param asked when it was asked and answered, by this clock; `tickMs`: it says no more than that
 * @returns null where the answer took so long that it says nothing
 */
export function offsetOf(
  saidMs: number,
  asked: { askedMs: number; answeredMs: number; tickMs: number },
): ClockOffset | null {
  if (asked.answeredMs - asked.askedMs > longestAnswerMs) return null;
  return { leastMs: saidMs - asked.answeredMs, mostMs: saidMs + asked.tickMs - asked.askedMs };
}

/** Whether two clocks may show the same time, given by how much each is ahead of a third. */
export function agree(a: ClockOffset, b: ClockOffset): boolean {
  return a.leastMs - b.mostMs <= agreeMs && b.leastMs - a.mostMs <= agreeMs;
}

const none: ClockOffset = { leastMs: 0, mostMs: 0 };

/**
 * Which time two of three clocks agree on.
 * @param database by how much it is ahead of the host's; null = it did not answer
 * @param store likewise
 * @returns by how much the host's clock is to be corrected; 0 = it is right; null = no two agree
 */
export function correctionMs(database: ClockOffset | null, store: ClockOffset | null): number | null {
  if (database !== null && agree(database, none)) return 0;
  if (store !== null && agree(store, none)) return 0;
  if (database === null || store === null || !agree(database, store)) return null;
  return Math.round((database.leastMs + database.mostMs) / 2);
}

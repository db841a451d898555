import { cutoffMs, type RetentionTerms } from './retention.ts';

/**
 * When in a stretch of time footage that ends at `endMs` reaches its age, to the millisecond; the end of the stretch
 * where it does not. Nothing but what is known now is reckoned with, as by `cutoffMs`.
 */
export function dueWithin(
  terms: RetentionTerms,
  endMs: number,
  { fromMs, toMs }: { fromMs: number; toMs: number },
): number {
  const isDue = (atMs: number): boolean => endMs <= cutoffMs(terms, atMs);
  if (!isDue(toMs)) return toMs;
  if (isDue(fromMs)) return fromMs;
  // The cutoff stands still or goes forward, and leaps where a shorter retention comes into force: 23 halves of 2 hours.
  let [keptMs, dueMs] = [fromMs, toMs];
  while (dueMs - keptMs > 1) {
    const middleMs = Math.floor((keptMs + dueMs) / 2);
    if (isDue(middleMs)) dueMs = middleMs;
    else keptMs = middleMs;
  }
  return dueMs;
}

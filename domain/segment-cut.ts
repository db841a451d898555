import type { Fragment } from './segment.ts';

export interface Piece {
  /** Fragment indexes, `to` excluded. */
  from: number;
  to: number;
  startMs: number;
  durationMs: number;
}

/**
 * The longest piece of a segment that fits into a free part of the timeline and starts at a key; null = none does.
 * Wall time is spread over the media time, as `entriesOf` does it.
 */
export function pieceWithin(
  fragments: readonly Fragment[],
  segment: { startMs: number; durationMs: number },
  free: { startMs: number; endMs: number },
): Piece | null {
  const all = fragments.reduce((sum, fragment) => sum + fragment.durationTicks, 0);
  if (all === 0) return null;
  let ticks = 0;
  const borders = [segment.startMs];
  for (const fragment of fragments) {
    ticks += fragment.durationTicks;
    borders.push(segment.startMs + Math.round((ticks * segment.durationMs) / all));
  }
  const startOf = (i: number): number => borders[i] ?? 0;
  const from = fragments.findIndex((fragment, i) => fragment.key && startOf(i) >= free.startMs);
  if (from < 0) return null;
  const to = borders.findLastIndex((border) => border <= free.endMs);
  const durationMs = startOf(to) - startOf(from);
  return to > from && durationMs > 0 ? { from, to, startMs: startOf(from), durationMs } : null;
}

import { mergeHoles, type GapClaim, type Hole } from './gaps.ts';

/** How much of the time that was to be recorded is there. */
export interface Coverage {
  wantedMs: number;
  /** Footage within wanted time. */
  recordedMs: number;
  /** 0 to 1; null where nothing was wanted. */
  ratio: number | null;
}

/** Footage over wanted time; both may be unsorted and overlap themselves, each instant counts once. */
export function coverage(footage: readonly Hole[], wanted: readonly Hole[]): Coverage {
  const wantedMs = totalMs(mergeHoles(wanted));
  const recordedMs = totalMs(intersect(mergeHoles(footage), mergeHoles(wanted)));
  return { wantedMs, recordedMs, ratio: wantedMs === 0 ? null : recordedMs / wantedMs };
}

/** The time within a range that was to be recorded: all but what an operator paused. */
export function wantedTime(range: Hole, claims: readonly GapClaim[]): Hole[] {
  const paused = claims
    .filter((claim) => claim.reason === 'paused')
    .map((claim) => ({ startMs: claim.startMs, endMs: claim.endMs ?? Infinity }));
  return subtract([range], paused);
}

/** The parts of `from` that are not in `what`, sorted. */
export function subtract(from: readonly Hole[], what: readonly Hole[]): Hole[] {
  const taken = mergeHoles(what);
  return mergeHoles(from).flatMap((range) => {
    const left: Hole[] = [];
    let startMs = range.startMs;
    for (const cut of taken) {
      if (cut.endMs <= startMs || cut.startMs >= range.endMs) continue;
      if (cut.startMs > startMs) left.push({ startMs, endMs: cut.startMs });
      startMs = Math.max(startMs, cut.endMs);
    }
    if (startMs < range.endMs) left.push({ startMs, endMs: range.endMs });
    return left;
  });
}

function intersect(a: readonly Hole[], b: readonly Hole[]): Hole[] {
  const shared: Hole[] = [];
  let i = 0;
  let j = 0;
  for (let left = a[i], right = b[j]; left !== undefined && right !== undefined; left = a[i], right = b[j]) {
    const startMs = Math.max(left.startMs, right.startMs);
    const endMs = Math.min(left.endMs, right.endMs);
    if (startMs < endMs) shared.push({ startMs, endMs });
    if (left.endMs < right.endMs) i += 1;
    else j += 1;
  }
  return shared;
}

function totalMs(ranges: readonly Hole[]): number {
  return ranges.reduce((sum, range) => sum + range.endMs - range.startMs, 0);
}

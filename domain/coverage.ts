import type { GapReason } from './gap-reason.ts';
import { explainHoles, mergeHoles, type GapClaim, type Hole } from './gaps.ts';
import { dayMs } from './retention.ts';

/**
 * Footage may come late, from the spool of a host that was away: a week of it, then a person has looked. So long is a day
 * counted anew, and the report of a month not final.
 */
export const lateFootageDays = 8;

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

/** What bounds the time of a camera of which is known whether there is footage; ms since 1970. */
export interface CameraLife {
  createdAtMs: number;
  retiredAtMs: number | null;
  /** End of its newest footage; null = it has none yet. */
  lastSegmentEndMs: number | null;
}

/**
 * The part of a range of which is known whether there is footage: since the camera's creation, and up to its newest
 * footage or, while it lacks footage, up to now. It may be empty, with its end before its start.
 * @param settledMs before this no footage comes any more: what is not there is missing, whoever may explain it
 */
export function knownTime(
  camera: CameraLife,
  range: Hole,
  claims: readonly GapClaim[],
  { nowMs, settledMs = 0 }: { nowMs: number; settledMs?: number },
): Hole {
  const claimedMs = claims.reduce((latest, claim) => Math.max(latest, claim.endMs ?? nowMs), settledMs);
  const knownMs = Math.max(camera.lastSegmentEndMs ?? camera.createdAtMs, claimedMs);
  return {
    startMs: Math.max(range.startMs, camera.createdAtMs),
    endMs: Math.min(range.endMs, nowMs, knownMs, camera.retiredAtMs ?? Infinity),
  };
}

/** When the UTC day of an instant begins. */
export function utcDayOf(ms: number): number {
  return Math.floor(ms / dayMs) * dayMs;
}

/** A range cut at the borders of UTC days, whose length never changes. */
export function utcDays(range: Hole): Hole[] {
  const found: Hole[] = [];
  for (let startMs = range.startMs; startMs < range.endMs;) {
    const endMs = Math.min(range.endMs, utcDayOf(startMs) + dayMs);
    found.push({ startMs, endMs });
    startMs = endMs;
  }
  return found;
}

/** Coverage of a range, and where the rest of the wanted time went. */
export interface ExplainedCoverage {
  wantedMs: number;
  recordedMs: number;
  /** Gaps that cost wanted time. */
  gaps: number;
  /** Sums up to `wantedMs - recordedMs`. */
  lostMs: Partial<Record<GapReason, number>>;
}

/** Explains what is missing in a range of known time. Holes and claims may reach beyond it. */
export function explainedCoverage(
  range: Hole,
  holes: readonly Hole[],
  claims: readonly GapClaim[],
  nowMs: number,
): ExplainedCoverage {
  const inside = intersect(mergeHoles(holes), [range]);
  const wanted = mergeHoles(wantedTime(range, claims));
  const { wantedMs, recordedMs } = coverage(subtract([range], inside), wanted);
  const lostMs: Partial<Record<GapReason, number>> = {};
  let gaps = 0;
  let next = 0;
  for (const { startMs, endMs, reason } of explainHoles(inside, claims, nowMs)) {
    while ((wanted[next]?.endMs ?? Infinity) <= startMs) next += 1;
    const lost = lengthWithin({ startMs, endMs: endMs ?? range.endMs }, wanted, next);
    if (lost === 0) continue;
    // A sliver of wanted time that joined a pause: the operator's doing as well.
    const owner = reason === 'paused' ? 'operator' : reason;
    lostMs[owner] = (lostMs[owner] ?? 0) + lost;
    gaps += 1;
  }
  return { wantedMs, recordedMs, gaps, lostMs };
}

/** How much of a range is in sorted others, of which those before the first do not reach into it. */
function lengthWithin({ startMs, endMs }: Hole, sorted: readonly Hole[], first: number): number {
  let ms = 0;
  for (let i = first; ; i += 1) {
    const other = sorted[i];
    if (other === undefined || other.startMs >= endMs) return ms;
    ms += Math.min(endMs, other.endMs) - Math.max(startMs, other.startMs);
  }
}

/** Both of them together. */
export function addCoverage(a: ExplainedCoverage, b: ExplainedCoverage): ExplainedCoverage {
  const lostMs = { ...a.lostMs };
  for (const [reason, ms] of Object.entries(b.lostMs) as [GapReason, number][])
    lostMs[reason] = (lostMs[reason] ?? 0) + ms;
  return {
    wantedMs: a.wantedMs + b.wantedMs,
    recordedMs: a.recordedMs + b.recordedMs,
    gaps: a.gaps + b.gaps,
    lostMs,
  };
}

export const noCoverage: ExplainedCoverage = { wantedMs: 0, recordedMs: 0, gaps: 0, lostMs: {} };

/** The parts of `from` that are not in `what`, sorted. */
export function subtract(from: readonly Hole[], what: readonly Hole[]): Hole[] {
  const taken = mergeHoles(what);
  let first = 0;
  return mergeHoles(from).flatMap((range) => {
    const left: Hole[] = [];
    let { startMs } = range;
    while ((taken[first]?.endMs ?? Infinity) <= startMs) first += 1;
    for (let i = first; ; i += 1) {
      const cut = taken[i];
      if (cut === undefined || cut.startMs >= range.endMs) break;
      if (cut.startMs > startMs) left.push({ startMs, endMs: cut.startMs });
      startMs = Math.max(startMs, cut.endMs);
    }
    if (startMs < range.endMs) left.push({ startMs, endMs: range.endMs });
    return left;
  });
}

/** The time that is in both, which are sorted and do not overlap themselves. */
export function intersect(a: readonly Hole[], b: readonly Hole[]): Hole[] {
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

/** How long ranges that do not overlap are together. */
export function totalMs(ranges: readonly Hole[]): number {
  return ranges.reduce((sum, range) => sum + range.endMs - range.startMs, 0);
}

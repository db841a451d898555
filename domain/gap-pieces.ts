import type { GapClaim, Hole } from './gaps.ts';

/** A part of a hole with the claim that explains it. */
export interface Piece {
  startMs: number;
  endMs: number;
  claim: GapClaim | null;
}

/**
 * Cuts holes where the claim that explains them changes: a pause wins (nothing else was wanted then), otherwise the one
 * that started last, and of those the last given. One sweep over all of them, since a camera that flaps has thousands
 * a day.
 * @param holes sorted and apart
 * @returns the pieces of each hole
 */
export function cutHoles(holes: readonly Hole[], claims: readonly GapClaim[]): Piece[][] {
  const coming = claims.toSorted((a, b) => a.startMs - b.startMs);
  // The last that started is on top, and one that has ended will never explain anything again.
  const [pauses, others]: [GapClaim[], GapClaim[]] = [[], []];
  let next = 0;
  return holes.map((hole) => {
    const pieces: Piece[] = [];
    for (let startMs = hole.startMs; startMs < hole.endMs;) {
      for (let claim = coming[next]; claim !== undefined && claim.startMs <= startMs; claim = coming[next]) {
        (claim.reason === 'paused' ? pauses : others).push(claim);
        next += 1;
      }
      const claim = topAt(startMs, pauses) ?? topAt(startMs, others);
      const endMs = Math.min(hole.endMs, coming[next]?.startMs ?? Infinity, claim?.endMs ?? Infinity);
      const last = pieces.at(-1);
      if (last?.claim === claim) last.endMs = endMs;
      else pieces.push({ startMs, endMs, claim });
      startMs = endMs;
    }
    return pieces;
  });
}

function topAt(ms: number, started: GapClaim[]): GapClaim | null {
  for (let top = started.at(-1); top !== undefined; top = started.at(-1)) {
    if (top.endMs === null || top.endMs > ms) return top;
    started.pop();
  }
  return null;
}

interface Link extends Piece {
  before: Link | null;
  after: Link | null;
  isGone: boolean;
}

/**
 * Joins each piece of a hole that is no longer than the tolerance to its longer neighbour (the one before it, where both
 * are equally long). The shortest goes first, since joining may lift its neighbour above the tolerance.
 */
export function joinSlivers(pieces: readonly Piece[], toleranceMs: number): Piece[] {
  if (!pieces.some((piece) => lengthMs(piece) <= toleranceMs)) return [...pieces];
  const links = pieces.map((piece): Link => ({ ...piece, before: null, after: null, isGone: false }));
  for (const [i, link] of links.entries()) {
    link.before = links[i - 1] ?? null;
    link.after = links[i + 1] ?? null;
  }
  // The shortest is last, and of equal ones the first in time.
  const slivers = links.filter((link) => lengthMs(link) <= toleranceMs).toSorted(shortestLast);
  let first = links[0] ?? null;
  for (let sliver = slivers.pop(); sliver !== undefined; sliver = slivers.pop()) {
    const { before, after } = sliver;
    const target = lengthMs(after) > lengthMs(before) ? after : before;
    if (sliver.isGone || target === null) continue;
    const joined = join(sliver, target);
    if (joined.before === null) first = joined;
    if (lengthMs(joined) <= toleranceMs) slivers.splice(placeOf(joined, slivers), 0, joined);
  }
  const left: Piece[] = [];
  for (let link = first; link !== null; link = link.after) {
    left.push({ startMs: link.startMs, endMs: link.endMs, claim: link.claim });
  }
  return left;
}

/** One piece in place of two neighbours, and of those beside them that the same claim explains. */
function join(sliver: Link, target: Link): Link {
  let [from, to] = target === sliver.before ? [target, sliver] : [sliver, target];
  if (from.before?.claim === target.claim) from = from.before;
  if (to.after?.claim === target.claim) to = to.after;
  for (let link: Link | null = from; link !== null && link !== to.after; link = link.after) link.isGone = true;
  const { before } = from;
  const { after } = to;
  const joined = { startMs: from.startMs, endMs: to.endMs, claim: target.claim, before, after, isGone: false };
  if (before !== null) before.after = joined;
  if (after !== null) after.before = joined;
  return joined;
}

function shortestLast(a: Link, b: Link): number {
  return lengthMs(b) - lengthMs(a) || b.startMs - a.startMs;
}

function placeOf(link: Link, sorted: readonly Link[]): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const other = sorted[middle];
    if (other !== undefined && shortestLast(other, link) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function lengthMs(piece: Piece | null): number {
  return piece === null ? -1 : piece.endMs - piece.startMs;
}

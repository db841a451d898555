import { gapOwner } from '../../domain/gap-reason.ts';
import { gapToleranceMs, mergeHoles, type Gap, type GapClaim, type Hole } from '../../domain/gaps.ts';

interface Piece {
  startMs: number;
  endMs: number;
  claim: GapClaim | null;
}

/** What `explainHoles` does, hole by hole and claim by claim: slow, and easy to follow. */
export function explainHolesSlowly(holes: readonly Hole[], claims: readonly GapClaim[], nowMs: number): Gap[] {
  return mergeHoles(holes).flatMap((hole) => {
    const pieces = joinSlivers(cut(hole, claims));
    return pieces.map(({ startMs, endMs, claim }): Gap => {
      const reason = claim?.reason ?? 'unknown';
      const isOpen = claim?.endMs === null && endMs === hole.endMs && endMs >= nowMs;
      return {
        startMs,
        endMs: isOpen ? null : endMs,
        reason,
        owner: gapOwner(reason),
        evidence: claim?.evidence ?? {},
      };
    });
  });
}

function cut(hole: Hole, claims: readonly GapClaim[]): Piece[] {
  const inside = claims.filter((claim) => claim.startMs < hole.endMs && (claim.endMs ?? Infinity) > hole.startMs);
  const borders = new Set([hole.startMs, hole.endMs]);
  for (const claim of inside) {
    if (claim.startMs > hole.startMs) borders.add(claim.startMs);
    if (claim.endMs !== null && claim.endMs < hole.endMs) borders.add(claim.endMs);
  }
  const sorted = [...borders].toSorted((a, b) => a - b);
  const pieces = sorted.slice(1).map((endMs, i): Piece => {
    const startMs = sorted[i] ?? hole.startMs;
    return { startMs, endMs, claim: claimAt(startMs, inside) };
  });
  return joinEqual(pieces);
}

function claimAt(ms: number, claims: readonly GapClaim[]): GapClaim | null {
  let best: GapClaim | null = null;
  for (const claim of claims) {
    if (claim.startMs > ms || (claim.endMs ?? Infinity) <= ms) continue;
    if (best === null || rank(claim) > rank(best) || (rank(claim) === rank(best) && claim.startMs >= best.startMs)) {
      best = claim;
    }
  }
  return best;
}

function rank(claim: GapClaim): number {
  return claim.reason === 'paused' ? 1 : 0;
}

/** The shortest sliver goes first, since joining may lift its neighbour above the tolerance. */
function joinSlivers(pieces: readonly Piece[]): Piece[] {
  let left = [...pieces];
  while (left.length > 1) {
    const shortest = left.reduce((min, piece, i) => (lengthMs(piece) < lengthMs(left[min]) ? i : min), 0);
    if (lengthMs(left[shortest]) > gapToleranceMs) break;
    const target = lengthMs(left[shortest + 1]) > lengthMs(left[shortest - 1]) ? shortest + 1 : shortest - 1;
    const [first, second] = [left[Math.min(shortest, target)], left[Math.max(shortest, target)]];
    if (first === undefined || second === undefined) break;
    const joined = { startMs: first.startMs, endMs: second.endMs, claim: left[target]?.claim ?? null };
    left = joinEqual([
      ...left.slice(0, Math.min(shortest, target)),
      joined,
      ...left.slice(Math.max(shortest, target) + 1),
    ]);
  }
  return left;
}

function lengthMs(piece: Piece | undefined): number {
  return piece === undefined ? -1 : piece.endMs - piece.startMs;
}

function joinEqual(pieces: readonly Piece[]): Piece[] {
  const joined: Piece[] = [];
  for (const piece of pieces) {
    const last = joined[joined.length - 1];
    if (last !== undefined && last.claim === piece.claim) last.endMs = piece.endMs;
    else joined.push({ ...piece });
  }
  return joined;
}

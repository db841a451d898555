import { cutHoles, joinSlivers } from './gap-pieces.ts';
import { gapOwner, type GapOwner, type GapReason } from './gap-reason.ts';

/** Time without footage, end exclusive. */
export interface Hole {
  startMs: number;
  endMs: number;
}

/** What is known about why footage is missing; everything in it is redacted. */
export interface GapEvidence {
  lastError?: string;
  attempts?: number;
  hostId?: string;
  epoch?: number;
  workflowRunId?: string;
  history?: ReasonSpell[];
}

/** One of the reasons that followed each other during a gap. */
export interface ReasonSpell {
  reason: GapReason;
  sinceMs: number;
  attempts: number;
  lastError?: string;
}

/** An explanation of missing footage; it says nothing about whether footage is missing. `endMs` null = still open. */
export interface GapClaim {
  startMs: number;
  endMs: number | null;
  reason: GapReason;
  evidence: GapEvidence;
}

/** A hole, or a piece of one, with its explanation. `endMs` null = still open. */
export interface Gap {
  startMs: number;
  endMs: number | null;
  reason: GapReason;
  owner: GapOwner;
  evidence: GapEvidence;
}

/** Shorter holes are the jitter of starts and durations, and nobody misses anything in them. */
export const gapToleranceMs = 500;

/**
 * Explains holes by claims. Each hole is cut where claims start and end; where several cover an instant a pause wins
 * (nothing else was wanted then), otherwise the one that started last; what none covers is `unknown`. A piece of at
 * most the tolerance joins its longer neighbour in the hole. Together the gaps cover the holes exactly, in order and
 * without overlap.
 * @param nowMs a hole that reaches it stays open where its last claim is open
 */
export function explainHoles(holes: readonly Hole[], claims: readonly GapClaim[], nowMs: number): Gap[] {
  return cutHoles(mergeHoles(holes), claims).flatMap((cut) => {
    const pieces = joinSlivers(cut, gapToleranceMs);
    return pieces.map(({ startMs, endMs, claim }, i): Gap => {
      const reason = claim?.reason ?? 'unknown';
      const isOpen = claim?.endMs === null && i === pieces.length - 1 && endMs >= nowMs;
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

/**
 * The reason that held longest among those that followed each other. `operator` (the time a connect takes anyway)
 * yields to any failure. Equally long: the first.
 * @param endMs when the last reason stopped to hold
 */
export function dominantReason(history: readonly ReasonSpell[], endMs: number): GapReason {
  const heldMs = new Map<GapReason, number>();
  history.forEach((spell, i) => {
    const untilMs = history[i + 1]?.sinceMs ?? endMs;
    heldMs.set(spell.reason, (heldMs.get(spell.reason) ?? 0) + Math.max(0, untilMs - spell.sinceMs));
  });
  if (heldMs.size > 1) heldMs.delete('operator');
  let longest: [GapReason, number] | null = null;
  for (const entry of heldMs) if (longest === null || entry[1] > longest[1]) longest = entry;
  return longest?.[0] ?? 'unknown';
}

/** Sorted, those that touch or overlap joined, empty ones left out. */
export function mergeHoles(holes: readonly Hole[]): Hole[] {
  const merged: Hole[] = [];
  for (const hole of [...holes].toSorted((a, b) => a.startMs - b.startMs)) {
    const last = merged[merged.length - 1];
    if (hole.endMs <= hole.startMs) continue;
    if (last !== undefined && hole.startMs <= last.endMs) last.endMs = Math.max(last.endMs, hole.endMs);
    else merged.push({ ...hole });
  }
  return merged;
}

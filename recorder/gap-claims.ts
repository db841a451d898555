import { dominantReason, type GapEvidence, type ReasonSpell } from '../domain/gaps.ts';
import type { GapReason } from '../domain/gap-reason.ts';
import { redact } from '../domain/redact.ts';
import { claimHole, closeGap, openGap, openGapOf, updateOpenGap } from '../db/gaps.ts';
import { leaseOf } from '../db/leases.ts';
import type { Pool } from '../db/sql.ts';
import type { KeptClaims, PastClaim } from './kept-claims.ts';
import type { WriteQueue } from './write-queue.ts';

/**
 * What a recording knows about the time in which it gives no footage. Written in the background, in order, so perhaps
 * late: of a camera that is unwanted by then, or that a newer recording has, it says nothing of what is open.
 */
export interface GapClaims {
  /**
   * A try ended, or a run did.
   * @param footageEndMs where this recording's footage ends; null = it has none yet
   */
  failed(failure: { reason: GapReason; detail: string; atMs: number }, footageEndMs: number | null): void;
  /**
   * Footage stops, or has stopped, for a reason of ours.
   * @param footageEndMs null = where the catalogue's footage ends
   */
  opened(reason: GapReason, footageEndMs: Promise<number | null>): void;
  /** Footage again, from this moment on. */
  recovered(firstFrameMs: number): void;
  /** A hole between two committed files that no claim explains. @param detail what went wrong, where that is known */
  hole(startMs: number, endMs: number, reason: GapReason, detail?: string): void;
  /** What a process before could not write any more. */
  past(claim: PastClaim): void;
}

/** A gap of many changes keeps the newest ones; each is 100 bytes in the catalogue. */
const keptSpells = 50;

/** One time without footage. */
interface Outage {
  /** Its writes replace each other; those of another outage do not. */
  number: number;
  spells: ReasonSpell[];
  /** Where footage ended; null = not known here. */
  startMs: number | null;
  /** Why it ended, where that was for a reason of ours. */
  opened: GapReason | null;
}

const newOutage = (number: number): Outage => ({ number, spells: [], startMs: null, opened: null });

export function createGapClaims(deps: {
  db: Pool;
  queue: WriteQueue;
  kept: KeptClaims;
  cameraId: string;
  hostId: string;
  epoch: () => number;
  /** Told of each failure. */
  onFailed: (reason: GapReason) => void;
}): GapClaims {
  const { db, queue, kept, cameraId } = deps;
  let outage = newOutage(0);

  function evidence(spells: ReasonSpell[]): GapEvidence {
    const lastError = spells[spells.length - 1]?.lastError;
    return {
      hostId: deps.hostId,
      epoch: deps.epoch(),
      ...(spells.length === 0 ? {} : { attempts: spells.reduce((sum, spell) => sum + spell.attempts, 0) }),
      ...(lastError === undefined ? {} : { lastError }),
      ...(spells.length === 0 ? {} : { history: spells }),
    };
  }

  async function claim(of: Outage, startMs: number | null, nowMs: number): Promise<void> {
    const open = await openGapOf(db, cameraId);
    if (open === null) {
      const gapStartMs = startMs ?? (await leaseOf(db, cameraId))?.lastEndMs ?? nowMs;
      const reason = dominantReason(of.spells, nowMs);
      await openGap(db, cameraId, { startMs: gapStartMs, reason, evidence: evidence(of.spells) }, deps.epoch());
      return;
    }
    // A pause is no part of an outage's story.
    if (open.reason === 'paused') return;
    // What was claimed before the first failure (a lost host, the first connect) is part of the story.
    const firstMs = of.spells[0]?.sinceMs ?? nowMs;
    const before = open.evidence.history?.filter((spell) => spell.sinceMs < firstMs) ?? [
      { reason: open.reason, sinceMs: Math.min(open.startMs, firstMs), attempts: 0 },
    ];
    of.spells = [...before, ...of.spells].slice(-keptSpells);
    const told = { reason: dominantReason(of.spells, nowMs), evidence: evidence(of.spells) };
    await updateOpenGap(db, cameraId, told, deps.epoch());
  }

  /** Called when it is written; what nobody told of needs no keeping. */
  function keepUntilWritten(of: Outage, endMs: number): () => void {
    const { spells, opened } = of;
    if (spells.length === 0 && opened === null) return () => undefined;
    return kept.until(cameraId, () => {
      const { startMs } = of;
      const before =
        opened === null ? [] : [{ reason: opened, sinceMs: startMs ?? spells[0]?.sinceMs ?? endMs, attempts: 0 }];
      const reason = dominantReason([...before, ...spells], endMs);
      return { startMs, endMs, reason, evidence: evidence(spells), isRecovered: true };
    });
  }

  function past(claimed: PastClaim): void {
    const written = kept.until(cameraId, () => claimed);
    queue.add(cameraId, async () => {
      const { endMs, reason, isRecovered } = claimed;
      const open = isRecovered ? await openGapOf(db, cameraId) : null;
      if (open !== null && open.startMs < endMs) await closeGap(db, cameraId, endMs, deps.epoch());
      const startMs = claimed.startMs ?? (await leaseOf(db, cameraId))?.lastEndMs ?? endMs;
      await claimHole(db, cameraId, startMs, endMs, reason, claimed.evidence);
      written();
    });
  }

  return {
    past,
    failed({ reason, detail, atMs }, footageEndMs) {
      deps.onFailed(reason);
      const of = outage;
      of.startMs ??= footageEndMs;
      // A stall is noticed late: the first reason holds since the footage ended.
      const sinceMs = of.spells.length === 0 ? Math.min(atMs, footageEndMs ?? atMs) : atMs;
      of.spells = withFailure(of.spells, { reason, sinceMs, attempts: 1, lastError: asEvidence(detail) });
      queue.add(cameraId, () => claim(of, footageEndMs, atMs + 1), `gap-${of.number}`);
    },
    opened(reason, footageEndMs) {
      const of = outage;
      of.opened ??= reason;
      void footageEndMs.then((endMs) => {
        of.startMs ??= endMs;
      });
      queue.add(cameraId, async () => {
        const startMs = (await footageEndMs) ?? (await leaseOf(db, cameraId))?.lastEndMs;
        if (startMs === undefined) return;
        await openGap(db, cameraId, { startMs, reason, evidence: evidence([]) }, deps.epoch());
      });
    },
    recovered(firstFrameMs) {
      const written = keepUntilWritten(outage, firstFrameMs);
      outage = newOutage(outage.number + 1);
      queue.add(cameraId, async () => {
        await closeGap(db, cameraId, firstFrameMs, deps.epoch());
        written();
      });
    },
    hole(startMs, endMs, reason, detail) {
      const told = detail === undefined ? {} : { lastError: asEvidence(detail) };
      past({ startMs, endMs, reason, evidence: { ...evidence([]), ...told }, isRecovered: false });
    },
  };
}

/** Of one error; a longer text says no more. */
function asEvidence(detail: string): string {
  return redact(detail).slice(0, 500);
}

function withFailure(spells: ReasonSpell[], failure: ReasonSpell): ReasonSpell[] {
  const last = spells[spells.length - 1];
  return last?.reason === failure.reason
    ? [...spells.slice(0, -1), { ...failure, sinceMs: last.sinceMs, attempts: last.attempts + 1 }]
    : [...spells, failure].slice(-keptSpells);
}

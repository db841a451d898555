import { dominantReason, type GapEvidence, type ReasonSpell } from '../domain/gaps.ts';
import type { GapReason } from '../domain/gap-reason.ts';
import { redact } from '../domain/redact.ts';
import { claimHole, closeGap, openGap, openGapOf, updateOpenGap } from '../db/gaps.ts';
import { leaseOf } from '../db/leases.ts';
import type { Pool } from '../db/sql.ts';
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
}

/** A gap of many changes keeps the newest ones; each is 100 bytes in the catalogue. */
const keptSpells = 50;

/** One time without footage. */
interface Outage {
  /** Its writes replace each other; those of another outage do not. */
  number: number;
  spells: ReasonSpell[];
}

export function createGapClaims(deps: {
  db: Pool;
  queue: WriteQueue;
  cameraId: string;
  hostId: string;
  epoch: () => number;
  /** Told of each failure. */
  onFailed: (reason: GapReason) => void;
}): GapClaims {
  const { db, queue, cameraId } = deps;
  let outage: Outage = { number: 0, spells: [] };

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

  return {
    failed({ reason, detail, atMs }, footageEndMs) {
      deps.onFailed(reason);
      const of = outage;
      // A stall is noticed late: the first reason holds since the footage ended.
      const sinceMs = of.spells.length === 0 ? Math.min(atMs, footageEndMs ?? atMs) : atMs;
      of.spells = withFailure(of.spells, { reason, sinceMs, attempts: 1, lastError: asEvidence(detail) });
      queue.add(cameraId, () => claim(of, footageEndMs, atMs + 1), `gap-${of.number}`);
    },
    opened(reason, footageEndMs) {
      queue.add(cameraId, async () => {
        const startMs = (await footageEndMs) ?? (await leaseOf(db, cameraId))?.lastEndMs;
        if (startMs === undefined) return;
        await openGap(db, cameraId, { startMs, reason, evidence: evidence([]) }, deps.epoch());
      });
    },
    recovered(firstFrameMs) {
      outage = { number: outage.number + 1, spells: [] };
      queue.add(cameraId, async () => {
        await closeGap(db, cameraId, firstFrameMs, deps.epoch());
      });
    },
    hole(startMs, endMs, reason, detail) {
      const told = detail === undefined ? {} : { lastError: asEvidence(detail) };
      queue.add(cameraId, () => claimHole(db, cameraId, startMs, endMs, reason, { ...evidence([]), ...told }));
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

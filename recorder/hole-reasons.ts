import { gapToleranceMs } from '../domain/gaps.ts';
import type { GapReason } from '../domain/gap-reason.ts';
import type { CommitOutcome } from './commit.ts';
import type { GapClaims } from './gap-claims.ts';
import type { ClosedFile } from './run-files.ts';

/** Why footage is missing where a commit found a hole before it. */
export interface HoleReasons {
  /** Nothing of this camera was recorded while this host was away, until now. */
  away(cameraId: string, reason: GapReason, untilMs: number): void;
  /** Another host recorded it before; this one does since `epoch`. What lies between is missing for this reason. */
  takenOver(cameraId: string, epoch: number, reason: GapReason): void;
  /** Whether a file is the first of a camera that was taken over, or as old as that. */
  isTakeover(file: ClosedFile): boolean;
  /** Claims what a settled file leaves missing. */
  settled(file: ClosedFile, outcome: CommitOutcome): void;
  /** Claims the time of a file that this host's disk does not give back. */
  unreadable(file: ClosedFile, why: string): void;
}

/** @param claimsOf the claims of a file's camera, in the file's epoch unless it is being recorded */
export function createHoleReasons(claimsOf: (file: ClosedFile) => GapClaims): HoleReasons {
  /** Until the first commit of what was recorded since: later holes, and those in the midst of a run, have other causes. */
  const absences = new Map<string, { reason: GapReason; untilMs: number }>();
  /** Until the first commit of the epoch. */
  const takeovers = new Map<string, { epoch: number; reason: GapReason }>();
  const isTakeover = ({ cameraId, name }: ClosedFile) => takeovers.get(cameraId)?.epoch === name.epoch;
  return {
    away: (cameraId, reason, untilMs) => void absences.set(cameraId, { reason, untilMs }),
    takenOver: (cameraId, epoch, reason) => void takeovers.set(cameraId, { epoch, reason }),
    isTakeover,
    settled(file, outcome) {
      const { cameraId, name } = file;
      if (outcome.kind === 'quarantined') {
        claimsOf(file).hole(name.startMs, name.startMs + name.durationMs, 'bad-stream', outcome.why);
      }
      if (outcome.kind === 'cut' && outcome.lost !== undefined) {
        const { startMs, endMs, why } = outcome.lost;
        if (endMs - startMs > gapToleranceMs) claimsOf(file).hole(startMs, endMs, 'storage-down', why);
      }
      if (outcome.kind !== 'committed') return;
      const takeover = isTakeover(file) ? takeovers.get(cameraId) : undefined;
      if (takeover !== undefined) takeovers.delete(cameraId);
      const absence = absences.get(cameraId);
      // By its end: a camera's first packets may be of before they came.
      const isSince = absence !== undefined && name.startMs + name.durationMs > absence.untilMs;
      if (isSince) absences.delete(cameraId);
      if (outcome.hole === null) return;
      const { startMs, endMs } = outcome.hole;
      // Before a run of the backlog, too: its process was killed before it could tell. What was told or kept stands.
      const away = isSince || name.anchor ? absence?.reason : undefined;
      const reason = away ?? takeover?.reason ?? 'unknown';
      if (endMs - startMs > gapToleranceMs) claimsOf(file).hole(startMs, endMs, reason);
    },
    unreadable(file, why) {
      const { startMs, durationMs } = file.name;
      claimsOf(file).hole(startMs, startMs + durationMs, 'storage-down', `The disk of the spool: ${why}`);
    },
  };
}

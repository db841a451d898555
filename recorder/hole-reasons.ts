import { gapToleranceMs } from '../domain/gaps.ts';
import type { GapReason } from '../domain/gap-reason.ts';
import type { CommitOutcome } from './commit.ts';
import type { GapClaims } from './gap-claims.ts';
import type { ClosedFile } from './run-files.ts';

/** Why footage is missing where a commit found a hole before it. */
export interface HoleReasons {
  /** Nothing of this camera was recorded while this host was away. */
  away(cameraId: string, reason: GapReason): void;
  /** Another host recorded it before; this one does since `epoch`. */
  takenOver(cameraId: string, epoch: number): void;
  /** Whether a file is the first of a camera that was taken over, or as old as that. */
  isTakeover(file: ClosedFile): boolean;
  /** Claims what a settled file leaves missing. */
  settled(file: ClosedFile, outcome: CommitOutcome): void;
}

/** @param claimsOf the claims of a file's camera, in the file's epoch unless it is being recorded */
export function createHoleReasons(claimsOf: (file: ClosedFile) => GapClaims): HoleReasons {
  const awayReasons = new Map<string, GapReason>();
  /** Epochs, until their first commit. */
  const takeovers = new Map<string, number>();
  const isTakeover = ({ cameraId, name }: ClosedFile) => takeovers.get(cameraId) === name.epoch;
  return {
    away: (cameraId, reason) => void awayReasons.set(cameraId, reason),
    takenOver: (cameraId, epoch) => void takeovers.set(cameraId, epoch),
    isTakeover,
    settled(file, outcome) {
      const { cameraId, name } = file;
      if (outcome.kind === 'quarantined') {
        claimsOf(file).hole(name.startMs, name.startMs + name.durationMs, 'bad-stream');
      }
      if (outcome.kind !== 'committed') return;
      const isFirst = isTakeover(file);
      if (isFirst) takeovers.delete(cameraId);
      if (outcome.hole === null) return;
      const { startMs, endMs } = outcome.hole;
      const reason = awayReasons.get(cameraId) ?? (isFirst ? 'host-lost' : 'unknown');
      if (endMs - startMs > gapToleranceMs) claimsOf(file).hole(startMs, endMs, reason);
    },
  };
}

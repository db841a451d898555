import type { GapReason } from '../domain/gap-reason.ts';

/** Counts what `/metrics` tells of this process beside its present state. */
export interface Figures {
  failed(reason: GapReason): void;
  /** @param lateMs from the end of the segment to its row */
  committed(lateMs: number): void;
  read(): { failures: Record<string, number>; commitMs: { p50: number; p99: number } | null };
}

/** Of 200 cameras these are the last minutes; a 99th percentile of fewer says little. */
const keptCommits = 500;

export function createFigures(): Figures {
  const failures: Record<string, number> = {};
  const late: number[] = [];
  return {
    failed(reason) {
      failures[reason] = (failures[reason] ?? 0) + 1;
    },
    committed(lateMs) {
      late.push(Math.max(0, lateMs));
      if (late.length > keptCommits) late.shift();
    },
    read() {
      const sorted = late.toSorted((a, b) => a - b);
      const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
      const commitMs = sorted.length === 0 ? null : { p50: at(0.5), p99: at(0.99) };
      return { failures: { ...failures }, commitMs };
    },
  };
}

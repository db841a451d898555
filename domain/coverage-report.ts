import { addCoverage, noCoverage, type ExplainedCoverage } from './coverage.ts';
import { gapOwner, type GapOwner, type GapReason } from './gap-reason.ts';
import { grouped } from './grouped.ts';

/** Whole numbers only, since the report is signed in canonical form. Times in ms. */
export type ReportedCoverage = {
  wantedMs: number;
  recordedMs: number;
  /** recordedMs / wantedMs in millionths, rounded down, so that 100 % means all of it; null = nothing was wanted. */
  coveragePpm: number | null;
  gaps: number;
  lostMsByReason: { [reason in GapReason]?: number };
  lostMsByOwner: { [owner in GapOwner]?: number };
};

/** A month of a customer's cameras. */
export type CoverageReport = {
  format: 'framekeep-coverage/1';
  tenantId: string;
  tenantName: string;
  /** `2026-11`, UTC. */
  month: string;
  issuedAt: string;
  /** The month is over, and so is the week in which late footage is still taken in. */
  final: boolean;
  total: ReportedCoverage;
  cameras: (ReportedCoverage & { id: string; name: string; days: (ReportedCoverage & { day: string })[] })[];
};

/** A camera's day, as it was counted. */
export interface ReportedDay extends ExplainedCoverage {
  cameraId: string;
  name: string;
  dayMs: number;
}

/** @param days by camera and day */
export function coverageReport(
  about: Omit<CoverageReport, 'format' | 'total' | 'cameras'>,
  days: readonly ReportedDay[],
): CoverageReport {
  const byCamera = grouped(
    days,
    (day) => day.cameraId,
    (day) => day,
  );
  return {
    format: 'framekeep-coverage/1',
    ...about,
    total: reported(sum(days)),
    cameras: [...byCamera].map(([id, own]) => ({
      id,
      name: own[0]?.name ?? '',
      ...reported(sum(own)),
      days: own.map((day) => ({ day: new Date(day.dayMs).toISOString().slice(0, 10), ...reported(day) })),
    })),
  };
}

function sum(days: readonly ExplainedCoverage[]): ExplainedCoverage {
  return days.reduce(addCoverage, noCoverage);
}

function reported({ wantedMs, recordedMs, gaps, lostMs }: ExplainedCoverage): ReportedCoverage {
  const lostMsByOwner: ReportedCoverage['lostMsByOwner'] = {};
  for (const [reason, ms] of Object.entries(lostMs) as [GapReason, number][]) {
    const owner = gapOwner(reason);
    lostMsByOwner[owner] = (lostMsByOwner[owner] ?? 0) + ms;
  }
  const coveragePpm = wantedMs === 0 ? null : Math.floor((recordedMs / wantedMs) * 1_000_000);
  return { wantedMs, recordedMs, coveragePpm, gaps, lostMsByReason: lostMs, lostMsByOwner };
}

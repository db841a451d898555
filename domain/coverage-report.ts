import { addCoverage, noCoverage, subtract, totalMs, type ExplainedCoverage } from './coverage.ts';
import { gapOwner, type GapOwner, type GapReason } from './gap-reason.ts';
import type { Hole } from './gaps.ts';
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
  /** The month is over, so is the week in which late footage is still taken in, and all of it has been counted. */
  final: boolean;
  total: ReportedCoverage & Uncounted;
  cameras: (ReportedCoverage &
    Uncounted & { id: string; name: string; days: (ReportedCoverage & { day: string })[] })[];
};

/** Time that was to be recorded and of which nothing was counted: it is in no other figure. */
type Uncounted = { uncountedMs: number };

/** A camera, and the part of the month in which it was there. */
export interface ReportedCamera extends Hole {
  cameraId: string;
  name: string;
  isPurged: boolean;
}

/** A camera's day, as it was counted. */
export interface ReportedDay extends ExplainedCoverage {
  cameraId: string;
  dayMs: number;
  knownUntilMs: number;
  /** Time before that which was not counted. */
  uncountedMs: number;
}

/** What a purge takes before the hourly count has looked at it can be counted by nobody any more. */
const purgedUncountedMs = 2 * 3_600_000;

/**
 * @param about.isSettled whether no footage of the month is taken in any more
 * @param found.days by day
 * @param found.pauses of the cameras, in the month
 */
export function coverageReport(
  { isSettled, ...about }: Omit<CoverageReport, 'format' | 'final' | 'total' | 'cameras'> & { isSettled: boolean },
  found: {
    cameras: readonly ReportedCamera[];
    days: readonly ReportedDay[];
    pauses: readonly (Hole & { cameraId: string })[];
  },
): CoverageReport {
  const daysOf = grouped(
    found.days,
    (day) => day.cameraId,
    (day) => day,
  );
  const pausesOf = grouped(
    found.pauses,
    (pause) => pause.cameraId,
    (pause) => pause,
  );
  const cameras = found.cameras
    .map((camera) => {
      const days = daysOf.get(camera.cameraId) ?? [];
      return { camera, days, uncountedMs: uncounted(camera, days, pausesOf.get(camera.cameraId) ?? []) };
    })
    .filter(({ days, uncountedMs }) => days.length > 0 || uncountedMs > 0);
  return {
    format: 'framekeep-coverage/1',
    ...about,
    final:
      isSettled && cameras.every(({ camera, uncountedMs }) => uncountedMs <= (camera.isPurged ? purgedUncountedMs : 0)),
    total: {
      ...reported(sum(cameras.flatMap(({ days }) => days))),
      uncountedMs: cameras.reduce((ms, one) => ms + one.uncountedMs, 0),
    },
    cameras: cameras.map(({ camera, days, uncountedMs }) => ({
      id: camera.cameraId,
      name: camera.name,
      ...reported(sum(days)),
      uncountedMs,
      days: days.map((day) => ({ day: new Date(day.dayMs).toISOString().slice(0, 10), ...reported(day) })),
    })),
  };
}

function uncounted(camera: Hole, days: readonly ReportedDay[], pauses: readonly Hole[]): number {
  const counted = days.map(({ dayMs, knownUntilMs }) => ({ startMs: dayMs, endMs: knownUntilMs }));
  const missingMs = totalMs(subtract([camera], [...counted, ...pauses]));
  return days.reduce((ms, day) => ms + day.uncountedMs, missingMs);
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

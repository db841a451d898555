import { setImmediate } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import {
  camerasToCount,
  countedDays,
  noteRollUp,
  saveDays,
  type CountedCamera,
  type CoverageDay,
} from '../db/coverage.ts';
import { forgetEvents } from '../db/events.ts';
import { claimsOf, forgetClaims } from '../db/gaps.ts';
import { holesOf } from '../db/holes.ts';
import { allTerms } from '../db/retention.ts';
import type { Db } from '../db/sql.ts';
import {
  addCoverage,
  explainedCoverage,
  knownTime,
  lateFootageDays,
  noCoverage,
  totalMs,
  utcDayOf,
  utcDays,
  wantedTime,
} from '../domain/coverage.ts';
import type { GapClaim, Hole } from '../domain/gaps.ts';
import { cutoffMs, dayMs, mostRetentionDays } from '../domain/retention.ts';
import { readEndingClocks, type DeletionClockDeps } from './deletion-clocks.ts';

export interface RollUpCoverageActivities {
  /** Counts the days of all cameras that can still change; answers how many days: 0 while clocks are in doubt. */
  rollUpCoverage(): Promise<{ days: number }>;
}

/** 300 cameras x 1 day of holes take 65 ms in Postgres. */
const pageSize = 100;
/** As the API says; a camera that flaps makes some 5,000 events a day. */
const eventsKeptMs = 90 * dayMs;
const forgottenAtOnce = 5000;

/** The scheduled activity. */
export function createRollUpCoverageActivities(deps: DeletionClockDeps): RollUpCoverageActivities {
  return {
    async rollUpCoverage() {
      // One that is years ahead would forget why footage that is still kept has gaps, and count days that never were.
      const { earlierMs: nowMs, doubt } = await readEndingClocks(deps);
      if (doubt !== null) {
        deps.log.error({ doubt }, 'coverage is not counted while it is in doubt what time it is');
        return { days: 0 };
      }
      const beat = (): void => Context.current().heartbeat();
      const days = await rollUp(deps.db, nowMs, beat);
      await forget(deps.db, nowMs, beat);
      return { days };
    },
  };
}

/** Forgets what no answer tells any more: events after 90 days, and claims that are older than footage can get. */
export async function forget(db: Db, nowMs: number, onStep: () => void): Promise<void> {
  const whole = async (some: () => Promise<number>): Promise<void> => {
    while ((await some()) === forgottenAtOnce) onStep();
  };
  await whole(() => forgetEvents(db, nowMs - eventsKeptMs, forgottenAtOnce));
  // Not by the days that a camera has now: they may be made more.
  const before = (await allTerms(db)).map((terms) => ({
    internalId: terms.internalId,
    beforeMs: cutoffMs({ ...terms, days: mostRetentionDays, next: null }, nowMs),
  }));
  await whole(() => forgetClaims(db, before, nowMs - mostRetentionDays * dayMs, forgottenAtOnce));
}

/**
 * Counts the last days of every camera, and before them what was not counted when it was among the last.
 * @returns how many days were written
 */
export async function rollUp(db: Db, nowMs: number, onCamera: () => void): Promise<number> {
  const settledMs = utcDayOf(nowMs) - (lateFootageDays - 1) * dayMs;
  let days = 0;
  let afterInternalId = 0;
  for (;;) {
    const cameras = await camerasToCount(db, { afterInternalId, limit: pageSize }, { settledMs, nowMs });
    const isLate = (camera: CountedCamera): boolean => camera.countFromMs < settledMs;
    // What is counted late may be months: by itself, so that the others are not looked at for as long.
    const parts = [cameras.filter((camera) => !isLate(camera)), ...cameras.filter(isLate).map((camera) => [camera])];
    for (const part of parts.filter(({ length }) => length > 0)) {
      days += await countPart(db, part, { settledMs, nowMs }, onCamera);
    }
    afterInternalId = cameras.at(-1)?.internalId ?? 0;
    if (cameras.length < pageSize) break;
  }
  await noteRollUp(db, nowMs);
  return days;
}

interface Times {
  /** Footage of days before this comes no more: they are counted once, and then stay. */
  settledMs: number;
  nowMs: number;
}

async function countPart(
  db: Db,
  cameras: readonly CountedCamera[],
  times: Times,
  onCamera: () => void,
): Promise<number> {
  const { settledMs, nowMs } = times;
  const fromMs = Math.min(...cameras.map(({ countFromMs }) => countFromMs));
  const ids = cameras.map(({ cameraId }) => cameraId);
  const [holes, claims, counted] = await Promise.all([
    holesOf(db, ids, { fromMs, toMs: nowMs, nowMs, settledMs }),
    claimsOf(db, ids, fromMs, nowMs),
    countedDays(
      db,
      cameras.map(({ internalId }) => internalId),
      fromMs,
    ),
  ]);
  const found: CoverageDay[] = [];
  for (const camera of cameras) {
    const [own, explained] = [holes.get(camera.cameraId) ?? [], claims.get(camera.cameraId) ?? []];
    found.push(...countCamera(camera, times, counted, own, explained));
    onCamera();
    // One that flaps takes tenths of a second, and the process has more to do.
    await setImmediate();
  }
  await saveDays(db, found);
  return found.length;
}

function countCamera(
  camera: CountedCamera,
  { settledMs, nowMs }: Times,
  counted: readonly CoverageDay[],
  holes: readonly Hole[],
  claims: readonly GapClaim[],
): CoverageDay[] {
  // The earliest that anything may be deleted; where it is kept for longer, the day is merely not counted anew.
  const agedMs = nowMs - camera.retentionDays * dayMs;
  const known = knownTime(camera, { startMs: camera.countFromMs, endMs: nowMs }, claims, { nowMs, settledMs });
  return utcDays(known).flatMap((day): CoverageDay[] => {
    const startOfDayMs = utcDayOf(day.startMs);
    const before = counted.find((one) => one.internalId === camera.internalId && one.dayMs === startOfDayMs);
    const countedToMs = Math.max(day.startMs, before?.knownUntilMs ?? 0);
    if (startOfDayMs < settledMs && countedToMs >= day.endMs) return [];
    const trimmed = before?.trimmed === true || agedMs > day.startMs;
    // What has been deleted must not be counted as lost: of a day that is being deleted only the new part is added.
    const startMs = trimmed ? Math.max(countedToMs, agedMs) : day.startMs;
    const addsNothing = startMs >= day.endMs;
    if (addsNothing && (before === undefined || before.trimmed === trimmed)) return [];
    const part = addsNothing ? noCoverage : explainedCoverage({ startMs, endMs: day.endMs }, holes, claims, nowMs);
    const total = trimmed && before !== undefined ? addCoverage(before, part) : part;
    const tooLate = { startMs: countedToMs, endMs: Math.max(countedToMs, Math.min(startMs, day.endMs)) };
    const uncountedMs = trimmed ? (before?.uncountedMs ?? 0) + totalMs(wantedTime(tooLate, claims)) : 0;
    const knownUntilMs = Math.max(day.endMs, before?.knownUntilMs ?? 0);
    return [{ internalId: camera.internalId, dayMs: startOfDayMs, knownUntilMs, trimmed, uncountedMs, ...total }];
  });
}

import { unexplainedCameras, type CameraDue, type CameraForecast } from './camera-breaker.ts';
import { dayMs } from './retention.ts';

/** Footage (ms of it, over all cameras) that will be due by an instant. */
export interface DueForecast {
  atMs: number;
  dueMs: number;
}

/** When a sweep looks ahead, in ms from its end; what it says for a time between two of them is the later one's. */
export const forecastAheadMs = [1, 6, 24, 48, 96, 168].map((hours) => hours * 3_600_000);

/** Clocks of hosts under NTP differ by milliseconds; by this much one of them is wrong. */
export const clockToleranceMs = 5 * 60_000;
/** A day of one camera: what late salvage, a small import or a released hold may come to without anybody asking. */
export const unpredictedSlackMs = dayMs;
/** A sweep that finds this many times the forecast is not trusted. */
const forecastFactor = 2;

export const sweepStops = ['clock', 'late', 'unpredicted'] as const;
export type SweepStop = { reason: (typeof sweepStops)[number]; text: string };

/** What time it is, by three that each may be wrong. */
export interface SweepClocks {
  /** By this process. */
  nowMs: number;
  databaseNowMs: number;
  /** By the object store; null: it does not say, and is not compared. */
  storeNowMs: number | null;
}

/** What speaks against the clocks, or null: any two of them are too far apart. */
export function clockDoubt({ nowMs, databaseNowMs, storeNowMs }: SweepClocks): string | null {
  const told = [
    { ms: nowMs, by: 'here' },
    { ms: databaseNowMs, by: 'in the database' },
    ...(storeNowMs === null ? [] : [{ ms: storeNowMs, by: 'in the object store' }]),
  ];
  const apartMs = Math.max(...told.map(({ ms }) => ms)) - Math.min(...told.map(({ ms }) => ms));
  if (apartMs <= clockToleranceMs) return null;
  const clocks = told.map(({ ms, by }) => `${new Date(ms).toISOString()} ${by}`).join(', ');
  return `Two clocks are ${Math.round(apartMs / 1000)} s apart: ${clocks}.`;
}

/** What is due is due by all of them: the earliest counts. */
export function earliestMs({ nowMs, databaseNowMs, storeNowMs }: SweepClocks): number {
  return Math.min(nowMs, databaseNowMs, storeNowMs ?? Infinity);
}

/** How far ahead a sweep has looked: nobody has forecast what is due later than that. */
export const longestForecastMs = Math.max(...forecastAheadMs);

/** What an operator has seen and lets pass. */
export interface Approval {
  /** Due as of `asOfMs`, and of which cameras. */
  dueMs: number;
  asOfMs: number;
  cameras: readonly CameraDue[];
}

/**
 * Whether a sweep may delete what it found, or why not. Clocks that agree may all be wrong, as where one host runs
 * everything: so a time that is far from the last one that was good is doubted, too, however little is due by it.
 * @param sweep.lookedMs when the last sweep looked; null: there was none, so nothing was forecast
 * @param sweep.resumedMs when an operator let a stopped sweep go on, since then
 * @param sweep.newestMs end of the newest footage there is; null: there is none to lose
 * @param sweep.cameras how many there are: each of them makes no more than a minute due in a minute
 * @param sweep.dueMs footage that is due now; `dueOf`: of each camera
 */
export function judgeSweep(
  sweep: SweepClocks & {
    lookedMs: number | null;
    resumedMs: number | null;
    newestMs: number | null;
    cameras: number;
    forecast: readonly DueForecast[];
    dueMs: number;
    approved: Approval | null;
    cameraForecast: readonly CameraForecast[];
    dueOf: readonly (CameraDue & { name: string })[];
  },
): SweepStop | null {
  const { nowMs, forecast, dueMs, approved } = sweep;
  const lookedMs = sweep.resumedMs ?? sweep.lookedMs;
  const doubt = clockDoubt(sweep) ?? timeDoubt(nowMs, lookedMs);
  if (doubt !== null) return { reason: 'clock', text: doubt };
  const late = lateness(nowMs, lookedMs, sweep.newestMs);
  if (late !== null) return { reason: 'late', text: `${hours(dueMs)} hours of footage are due ${late}` };
  const approvedMs = approved === null ? 0 : approved.dueMs + Math.max(0, nowMs - approved.asOfMs) * sweep.cameras;
  const expectedMs = forecast.find(({ atMs }) => atMs >= nowMs)?.dueMs ?? 0;
  if (dueMs > Math.max(approvedMs, forecastFactor * expectedMs + unpredictedSlackMs)) {
    const text = `${hours(dueMs)} hours of footage are due where at most ${hours(expectedMs)} were forecast.`;
    return { reason: 'unpredicted', text };
  }
  // Among thousands of cameras, one's whole archive is little.
  const [worst, ...others] = doubtedCameras(sweep.dueOf, sweep);
  if (worst === undefined) return null;
  const name = sweep.dueOf.find(({ internalId }) => internalId === worst.internalId)?.name ?? '';
  const more = others.length === 0 ? '' : ` Of ${others.length} more cameras, too, more is due than can be.`;
  return {
    reason: 'unpredicted',
    text: `${hours(worst.dueMs)} hours of “${name}” are due where at most ${hours(worst.expectedMs)} were expected.${more}`,
  };
}

/** Cameras of which more is due than time, the forecast and an operator's word explain, the worst first. */
export function doubtedCameras(
  due: readonly CameraDue[],
  known: {
    nowMs: number;
    lookedMs: number | null;
    resumedMs: number | null;
    forecast: readonly DueForecast[];
    cameraForecast: readonly CameraForecast[];
    approved: Approval | null;
  },
): (CameraDue & { expectedMs: number })[] {
  const { nowMs, forecast, cameraForecast, approved } = known;
  const sinceMs = known.resumedMs ?? known.lookedMs;
  const stepMs = forecast.find(({ atMs }) => atMs >= nowMs)?.atMs ?? null;
  const bounds = { factor: forecastFactor, slackMs: unpredictedSlackMs };
  return unexplainedCameras(due, nowMs, { sinceMs, stepMs, cameraForecast, approved }, bounds);
}

const hours = (ms: number): number => Math.round(ms / 3_600_000);

function timeDoubt(nowMs: number, lastMs: number | null): string | null {
  if (lastMs === null || nowMs >= lastMs - clockToleranceMs) return null;
  return `The last sweep was at ${new Date(lastMs).toISOString()}, which is yet to come.`;
}

/** After what it is too late to trust the clock, as the end of a sentence, or null. */
function lateness(nowMs: number, lookedMs: number | null, newestMs: number | null): string | null {
  if (newestMs === null) return null;
  const lastMs = lookedMs ?? newestMs;
  if (nowMs - lastMs <= longestForecastMs) return null;
  const after = lookedMs === null ? 'the newest footage' : 'the last sweep';
  const since = `${hours(nowMs - lastMs)} hours after ${after}, at ${new Date(lastMs).toISOString()}`;
  return `${since}; no forecast reaches so far.`;
}

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

/** What speaks against both clocks, or null. @param nowMs this process's clock; `databaseNowMs` a second opinion */
export function clockDoubt(nowMs: number, databaseNowMs: number): string | null {
  const apartMs = Math.abs(nowMs - databaseNowMs);
  if (apartMs <= clockToleranceMs) return null;
  const clocks = `${new Date(nowMs).toISOString()} here, ${new Date(databaseNowMs).toISOString()} in the database`;
  return `Two clocks are ${Math.round(apartMs / 1000)} s apart: ${clocks}.`;
}

/**
 * Whether a sweep may delete what it found, or why not.
 * @param sweep.nowMs this process's clock; `databaseNowMs` a second opinion
 * @param sweep.sweptMs when the last whole sweep looked; null: there was none, so nothing was forecast
 * @param sweep.dueMs footage that is due now
 * @param sweep.approvedMs what an operator has seen and lets pass, be it forecast or not
 */
export function judgeSweep(sweep: {
  nowMs: number;
  databaseNowMs: number;
  sweptMs: number | null;
  forecast: readonly DueForecast[];
  dueMs: number;
  approvedMs: number;
}): SweepStop | null {
  const { nowMs, databaseNowMs, sweptMs, forecast, dueMs, approvedMs } = sweep;
  const doubt = clockDoubt(nowMs, databaseNowMs);
  if (doubt !== null) return { reason: 'clock', text: doubt };
  if (sweptMs !== null && nowMs < sweptMs - clockToleranceMs) {
    return { reason: 'clock', text: `The last sweep was at ${new Date(sweptMs).toISOString()}, which is yet to come.` };
  }
  if (dueMs <= Math.max(approvedMs, unpredictedSlackMs)) return null;
  const hours = (ms: number): number => Math.round(ms / 3_600_000);
  const step = forecast.find(({ atMs }) => atMs >= nowMs);
  if (step === undefined && sweptMs !== null) {
    const since = `${hours(nowMs - sweptMs)} hours after the last sweep, at ${new Date(sweptMs).toISOString()}`;
    return { reason: 'late', text: `${hours(dueMs)} hours of footage are due ${since}; no forecast reaches so far.` };
  }
  const expectedMs = step?.dueMs ?? 0;
  if (dueMs <= forecastFactor * expectedMs + unpredictedSlackMs) return null;
  return {
    reason: 'unpredicted',
    text: `${hours(dueMs)} hours of footage are due where at most ${hours(expectedMs)} were forecast.`,
  };
}

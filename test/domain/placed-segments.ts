import fc from 'fast-check';
import {
  anchorClock,
  keepPace,
  placeSegment,
  runsAway,
  startPace,
  type Placement,
  type WallClock,
} from '../../domain/wall-clock.ts';

export const startMs = 1_700_000_000_000;

/** Places segments of these lengths; each end is seen late by its delay, and the camera's clock runs at `rate`. */
export function placeAll(options: {
  lengthsMs: number[];
  delaysMs?: number[];
  /** Wall ms a media ms. */
  rate?: number;
  hostStep?: { segment: number; ms: number };
  notBeforeMs?: number;
}): (Placement & { isRunaway: boolean })[] {
  const { lengthsMs, delaysMs = [], rate = 1, hostStep, notBeforeMs = null } = options;
  const placed: (Placement & { isRunaway: boolean })[] = [];
  let clock: WallClock = anchorClock(startMs, 0, notBeforeMs);
  let mediaMs = 0;
  let pace = startPace(0);
  lengthsMs.forEach((lengthMs, i) => {
    const mediaEndMs = mediaMs + lengthMs;
    const stepMs = hostStep !== undefined && i >= hostStep.segment ? hostStep.ms : 0;
    const arrivalMs = startMs + mediaEndMs * rate + (delaysMs[i] ?? 0) + stepMs;
    const seenMs = mediaEndMs * rate + (delaysMs[i] ?? 0);
    const kept = keepPace(pace, { mediaStartMs: mediaMs, mediaEndMs }, seenMs);
    pace = kept.pace;
    const segment = { mediaStartMs: mediaMs, mediaEndMs, arrivalMs, pace: kept.segment };
    const next = placeSegment(clock, segment, notBeforeMs);
    placed.push({ ...next, isRunaway: runsAway(segment) });
    clock = next.clock;
    mediaMs = mediaEndMs;
  });
  return placed;
}

export const lengths = fc.array(fc.double({ min: 100, max: 120_000, noNaN: true }), { minLength: 1, maxLength: 60 });
export const delays = fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 60 });
export const endOf = (placement: Placement): number => placement.startMs + placement.durationMs;

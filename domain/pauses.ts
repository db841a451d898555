import type { Hole } from './gaps.ts';
import type { FragmentTimeline } from './segment.ts';

/** Shorter ones are no pauses, at whatever rate: cameras that save bandwidth send a picture a second, or fewer. */
export const shortestPauseSeconds = 2;
/** A picture that is late by less than this many usual ones is a slow camera's. */
const usualFrames = 5;

/** As `stepMs` of the wall clock: pictures that lie so far behind their row's end ran ahead, as their camera's clock was set. */
const runAheadSeconds = 1;

/** Two decode times that follow each other, in ticks. */
export interface PictureStep {
  fromTicks: number;
  toTicks: number;
}

/** What a file tells of when its pictures were. */
export interface PictureTimes extends FragmentTimeline {
  /** Of the usual pictures; 0 = not known. */
  fps: number;
  /** Those of at least `shortestPauseSeconds`, in order. */
  longSteps: readonly PictureStep[];
  /** When the last picture begins, in ticks. */
  lastSampleTicks: number;
}

/**
 * Where a camera sent no picture on a connection that stayed open, so that there is no footage in the midst of a row. A
 * connection that is held up delivers its pictures late, but with their own times: it leaves none.
 * @param place `recordedMs` as in a spool's file name: a file that was moved to meet other footage may last longer than
 *   its pictures for that alone, so the time after its last picture tells nothing
 */
export function pausesIn(
  file: PictureTimes,
  place: { startMs: number; durationMs: number; recordedMs?: number | undefined },
): Hole[] {
  const { timescale, fps, fragments, longSteps, lastSampleTicks } = file;
  const [first] = fragments;
  if (first === undefined || fps <= 0) return [];
  const usualTicks = timescale / fps;
  const leastTicks = Math.max(shortestPauseSeconds * timescale, usualFrames * usualTicks);
  const endMs = place.startMs + place.durationMs;
  // The length of the last picture is nominal in the file: the row lasts until the next file's first one.
  const lastTicks = first.tfdt + (place.durationMs * timescale) / 1000;
  if (lastSampleTicks - lastTicks > runAheadSeconds * timescale) return [];
  const wallMs = (ticks: number): number =>
    Math.min(endMs, place.startMs + Math.round(((ticks - first.tfdt) * 1000) / timescale));
  const last = place.recordedMs === undefined ? [{ fromTicks: lastSampleTicks, toTicks: lastTicks }] : [];
  return [...longSteps, ...last]
    .filter(({ fromTicks, toTicks }) => toTicks - fromTicks >= leastTicks)
    .map(({ fromTicks, toTicks }) => ({ startMs: wallMs(fromTicks + usualTicks), endMs: wallMs(toTicks) }))
    .filter((pause) => pause.startMs < pause.endMs);
}

import { unwrapCounters } from './frame-counter.ts';

/** What a camera showed: the index of the picture at a moment, ms since 1970, and how its counter goes round. */
export interface ShownFrames {
  cameraId: string;
  atMs: number;
  index: number;
  loopFrames: number;
  fps: number;
}

export interface ExplainedGap {
  startMs: number;
  endMs: number;
  reason: string;
}

/** Pictures in no object, between the first and the last one that are; times of the camera's clock. */
export interface MissingRun {
  cameraId: string;
  startMs: number;
  endMs: number;
  /** Time without footage between the two rows, as the archive has it. */
  holeMs: number;
  /** By how much the archive has the picture before it too late: then a host's clock was ahead. */
  aheadMs: number;
  reasons: string[];
  unexplainedMs: number;
}

/** A row of the archive. */
export interface ArchiveRow {
  key: string;
  sha256: string;
  bytes: number;
  startMs: number;
  endMs: number;
}

/** Each end of a gap may be so far from the pictures: holes up to this long are no gaps by contract. */
const toleranceMs = 500;

/**
 * Which of the camera's pictures these are: the counter says it up to a repetition of the loop, the row's time the rest.
 * A row whose time is wrong by less than half a loop keeps its pictures' true indexes, so that a wrong place shows as
 * disorder; one that is wrong by more shows as pictures that are missing, or double.
 */
export function placeOnClock(counters: number[], { startMs }: { startMs: number }, camera: ShownFrames): number[] {
  const first = camera.index + ((startMs - camera.atMs) * camera.fps) / 1000;
  return unwrapCounters(
    counters,
    camera.loopFrames,
    counters.map((_, place) => first + place),
  );
}

/**
 * Whether a gap explains that pictures are missing is asked in the archive's own time: on a loaded machine pictures
 * arrive late, and a host's clock may be wrong. From the last picture in a row on, by the time of the row's first one, or
 * from the row's end, where that comes sooner; a picture that is missing within a row lies between two of its own.
 */
export function missingRuns(seen: Map<number, ArchiveRow>, camera: ShownFrames, gaps: ExplainedGap[]): MissingRun[] {
  const sorted = [...seen].toSorted(([a], [b]) => a - b);
  const timeOf = (index: number): number => camera.atMs + ((index - camera.index) * 1000) / camera.fps;
  const firsts = new Map<ArchiveRow, number>();
  for (const [index, row] of sorted) if (!firsts.has(row)) firsts.set(row, index);
  const placeOf = (index: number, row: ArchiveRow): number =>
    row.startMs + timeOf(index) - timeOf(firsts.get(row) ?? index);
  return sorted.slice(1).flatMap(([index, after], place) => {
    const [before, rowBefore] = sorted[place] ?? [index, after];
    if (index === before + 1) return [];
    const [startMs, endMs] = [timeOf(before + 1), timeOf(index)];
    const hole = { startMs: Math.min(rowBefore.endMs, placeOf(before + 1, rowBefore)), endMs: placeOf(index, after) };
    const touching = gaps.filter((gap) => gap.startMs < hole.endMs && gap.endMs > hole.startMs);
    const explaining = touching.filter((gap) => gap.reason !== 'unknown');
    const explainedMs = explaining.reduce(
      (sum, gap) => sum + Math.min(gap.endMs, hole.endMs) - Math.max(gap.startMs, hole.startMs),
      0,
    );
    const toleratedMs = explainedMs === 0 ? 0 : 2 * toleranceMs;
    return [
      {
        cameraId: camera.cameraId,
        startMs,
        endMs,
        holeMs: after === rowBefore ? 0 : after.startMs - rowBefore.endMs,
        aheadMs: hole.startMs - startMs,
        reasons: [...new Set(touching.map((gap) => gap.reason))],
        unexplainedMs: Math.max(0, endMs - startMs - explainedMs - toleratedMs),
      },
    ];
  });
}

import type { Fragment } from '../domain/segment.ts';

/** A file's fragments, and where it lies on the wall clock as a whole. */
interface PlacedFile {
  fragments: readonly Fragment[];
  timescale: number;
  startMs: number;
  durationMs: number;
}

/** Where a file is cut: before this fragment, at this time. */
export interface HandoverCut {
  fragment: number;
  atMs: number;
}

/**
 * Where the footage of a newer recording takes over: at the key nearest to its first frame, since two clocks that saw
 * the same key differ by some ms. Fragment 0: the newer one has all of this file's time. Null: none of it.
 */
export function handoverCut(file: PlacedFile, firstFrameMs: number): HandoverCut | null {
  const endMs = file.startMs + file.durationMs;
  if (firstFrameMs >= endMs) return null;
  const firstTfdt = file.fragments[0]?.tfdt ?? 0;
  let best: HandoverCut = { fragment: 0, atMs: file.startMs };
  file.fragments.forEach((fragment, i) => {
    if (!fragment.key) return;
    const atMs = Math.min(endMs, file.startMs + Math.round(((fragment.tfdt - firstTfdt) * 1000) / file.timescale));
    if (Math.abs(atMs - firstFrameMs) < Math.abs(best.atMs - firstFrameMs)) best = { fragment: i, atMs };
  });
  return Math.abs(endMs - firstFrameMs) < Math.abs(best.atMs - firstFrameMs) ? null : best;
}

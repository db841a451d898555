import type { Fragment } from '../domain/segment.ts';

/** The fragment that starts nearest to a moment and with a key; null = none but the first. */
export function keyNearest(
  file: { fragments: readonly Fragment[]; timescale: number; startMs: number; durationMs: number },
  atMs: number,
): number | null {
  const borders = fragmentBorders(file);
  let best: number | null = null;
  file.fragments.forEach((fragment, i) => {
    if (i === 0 || !fragment.key) return;
    if (best === null || Math.abs((borders[i] ?? 0) - atMs) < Math.abs((borders[best] ?? 0) - atMs)) best = i;
  });
  return best;
}

/** Where each fragment starts on the wall clock, and at last where the file ends; the file's own bounds are exact. */
export function fragmentBorders(file: {
  fragments: readonly Fragment[];
  timescale: number;
  startMs: number;
  durationMs: number;
}): number[] {
  const firstTfdt = file.fragments[0]?.tfdt ?? 0;
  const endMs = file.startMs + file.durationMs;
  const starts = file.fragments.map((fragment) =>
    Math.min(endMs, file.startMs + Math.round(((fragment.tfdt - firstTfdt) * 1000) / file.timescale)),
  );
  return [...starts, endMs];
}

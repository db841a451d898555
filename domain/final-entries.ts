import type { Entry } from './segment.ts';

/** Where a source of a final lies, in wall time and in its media timeline. */
export interface SourceSpan {
  durationMs: number;
  /** Of its media, up to the next source's first frame. */
  mediaMs: number;
}

/**
 * The entries of an encoded final on its sources' wall time: a picture keeps the time that the playlist gave it before
 * the swap. Recorders slew a segment's wall time by up to 20 ms against its media time, so one factor for the whole
 * final would shift pictures in its midst.
 * @param entries with media time as their `ms`
 * @param sources in order
 */
export function onWallTime(entries: readonly Entry[], sources: readonly SourceSpan[]): Entry[] {
  const totalMs = sources.reduce((sum, { durationMs }) => sum + durationMs, 0);
  let mediaMs = 0;
  let spentMs = 0;
  return entries.map((entry, i) => {
    mediaMs += entry.ms;
    const endMs = i === entries.length - 1 ? totalMs : Math.min(totalMs, Math.round(wallAt(mediaMs, sources)));
    const ms = Math.max(0, endMs - spentMs);
    spentMs += ms;
    return { ...entry, ms };
  });
}

function wallAt(mediaMs: number, sources: readonly SourceSpan[]): number {
  let wallMs = 0;
  let leftMs = mediaMs;
  for (const source of sources) {
    if (leftMs <= source.mediaMs)
      return wallMs + (source.mediaMs === 0 ? 0 : (leftMs / source.mediaMs) * source.durationMs);
    leftMs -= source.mediaMs;
    wallMs += source.durationMs;
  }
  return wallMs;
}

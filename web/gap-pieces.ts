import type { GapOwner, GapReason } from '../domain/gap-reason.ts';

/** A gap as the console draws it; times in ms since 1970, `endMs` null while it is open. */
export interface Gap {
  startMs: number;
  endMs: number | null;
  reason: GapReason;
  owner: GapOwner;
  lastError: string | null;
  attempts: number | null;
}

/** One drawn piece: a gap, or several that lie too close to be told apart. */
export interface GapPiece {
  startMs: number;
  endMs: number;
  open: boolean;
  /** How many gaps are joined here. */
  count: number;
  /** Time truly without footage in ms: joining never hides or adds loss. */
  lostMs: number;
  /** The gap that lost most: its owner colours the piece. */
  main: Gap;
}

/**
 * Clips gaps to [fromMs, toMs] and joins those closer than `resMs` (one pixel or so).
 * @param gaps sorted by start, not overlapping
 */
export function gapPieces(gaps: Gap[], fromMs: number, toMs: number, resMs: number): GapPiece[] {
  const pieces: GapPiece[] = [];
  let mainLostMs = 0;
  for (const gap of gaps) {
    const startMs = Math.max(gap.startMs, fromMs);
    const endMs = Math.min(gap.endMs ?? toMs, toMs);
    if (endMs <= startMs) continue;
    const lostMs = endMs - startMs;
    const last = pieces.at(-1);
    if (last === undefined || startMs - last.endMs >= resMs) {
      pieces.push({ startMs, endMs, open: gap.endMs === null, count: 1, lostMs, main: gap });
      mainLostMs = lostMs;
      continue;
    }
    last.endMs = endMs;
    last.open = gap.endMs === null;
    last.count += 1;
    last.lostMs += lostMs;
    if (lostMs > mainLostMs) {
      last.main = gap;
      mainLostMs = lostMs;
    }
  }
  return pieces;
}

/** The part of [fromMs, toMs] that can hold footage: from the camera's creation to the end of what is committed. */
export function footageSpan(
  camera: { createdAt: string; lastSegmentEndAt: string | null },
  fromMs: number,
  toMs: number,
): { startMs: number; endMs: number } | null {
  if (camera.lastSegmentEndAt === null) return null;
  const startMs = Math.max(fromMs, Date.parse(camera.createdAt));
  const endMs = Math.min(toMs, Date.parse(camera.lastSegmentEndAt));
  return endMs > startMs ? { startMs, endMs } : null;
}

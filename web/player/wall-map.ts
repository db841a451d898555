/** A stretch of media on the player's timeline and the wall time it shows. */
export interface MediaPiece {
  /** Seconds on the player's timeline. */
  mediaStart: number;
  seconds: number;
  /** Wall time of its first frame, ms since 1970. */
  wallMs: number;
}

/** The last piece that starts at or before `value`; the first piece for anything earlier. */
function pieceAt(pieces: readonly MediaPiece[], startOf: (piece: MediaPiece) => number, value: number): number {
  let low = 0;
  let high = pieces.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const piece = pieces[middle];
    if (piece !== undefined && startOf(piece) <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Wall time of a media time; null without pieces. */
export function wallOf(pieces: readonly MediaPiece[], mediaSeconds: number): number | null {
  const piece = pieces[pieceAt(pieces, ({ mediaStart }) => mediaStart, mediaSeconds)];
  if (piece === undefined) return null;
  return piece.wallMs + (mediaSeconds - piece.mediaStart) * 1000;
}

/**
 * Media time that shows a wall time: inside a gap that of the first footage after it, after the end the end.
 * @returns null without pieces
 */
export function mediaOf(pieces: readonly MediaPiece[], wallMs: number): number | null {
  const at = pieceAt(pieces, (piece) => piece.wallMs, wallMs);
  const piece = pieces[at];
  if (piece === undefined) return null;
  const seconds = Math.max(0, (wallMs - piece.wallMs) / 1000);
  if (seconds < piece.seconds) return piece.mediaStart + seconds;
  return pieces[at + 1]?.mediaStart ?? piece.mediaStart + piece.seconds;
}

/** End of the footage in wall time; null without pieces. */
export function wallEnd(pieces: readonly MediaPiece[]): number | null {
  const last = pieces.at(-1);
  return last === undefined ? null : last.wallMs + last.seconds * 1000;
}

/** The pieces of a playlist, in order, by PROGRAM-DATE-TIME and EXTINF. */
export function piecesOf(playlist: string): MediaPiece[] {
  const pieces: MediaPiece[] = [];
  let mediaStart = 0;
  let wallMs = 0;
  for (const line of playlist.split('\n')) {
    if (line.startsWith('#EXT-X-PROGRAM-DATE-TIME:')) wallMs = Date.parse(line.slice(line.indexOf(':') + 1));
    if (!line.startsWith('#EXTINF:')) continue;
    const seconds = Number.parseFloat(line.slice('#EXTINF:'.length));
    pieces.push({ mediaStart, seconds, wallMs });
    mediaStart += seconds;
    wallMs += seconds * 1000;
  }
  return pieces;
}

/** Does a newer playlist only add to an older one? Else footage was repaired or deleted and positions have moved. */
export function onlyGrew(older: readonly MediaPiece[], newer: readonly MediaPiece[]): boolean {
  return (
    newer.length >= older.length &&
    older.every((piece, at) => piece.wallMs === newer[at]?.wallMs && piece.seconds === newer[at]?.seconds)
  );
}

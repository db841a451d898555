/** What is known of a time that a file system keeps. */
export interface FileTime {
  /** As it is kept: by the host's clock at that time. */
  keptMs: number;
  /** What the host's clock says now. */
  hostMs: number;
  /** What time it is. */
  nowMs: number;
  /** The file was not there before; null = nobody knows. */
  notBeforeMs: number | null;
}

/**
 * When that was. The kernel's clock is no vote of three: it may be wrong by years, or have been when the file was
 * written, or have become so since (a host that starts without its battery). What would be impossible is not believed;
 * where all is, it was as near to it as can be.
 */
export function fileTimeMs({ keptMs, hostMs, nowMs, notBeforeMs }: FileTime): number {
  const leastMs = notBeforeMs === null || notBeforeMs > nowMs ? -Infinity : notBeforeMs;
  const correctedMs = keptMs + nowMs - hostMs;
  const isPossible = correctedMs >= leastMs && correctedMs <= nowMs;
  return Math.round(isPossible ? correctedMs : Math.min(Math.max(keptMs, leastMs), nowMs));
}

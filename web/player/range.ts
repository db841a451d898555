/** A range of a camera's time, ms since 1970; an open one goes on with what is recorded meanwhile. */
export interface Range {
  cameraId: string;
  fromMs: number;
  toMs: number;
  open: boolean;
}

export interface RecordedCamera {
  id: string;
  createdMs: number;
  /** End of its newest committed footage, ms since 1970; null when it has none. */
  newestMs: () => number | null;
}

const twoHoursMs = 2 * 3_600_000;

/** The longest range of a playlist: an open one asks for all of it at first, so that its URL stays the same. */
export const longestRangeMs = 24 * 3_600_000;

/** Two hours around a moment, or from two hours ago on for the latest (`null`); null where nothing was recorded yet. */
export function rangeAround(camera: RecordedCamera, atMs: number | null): Range | null {
  const newestMs = camera.newestMs();
  if (newestMs === null) return null;
  const recentFromMs = Math.max(newestMs - twoHoursMs, camera.createdMs);
  if (atMs === null || atMs >= recentFromMs) {
    return { cameraId: camera.id, fromMs: recentFromMs, toMs: recentFromMs + longestRangeMs, open: true };
  }
  const fromMs = Math.max(atMs - twoHoursMs / 2, camera.createdMs);
  return { cameraId: camera.id, fromMs, toMs: fromMs + twoHoursMs, open: false };
}

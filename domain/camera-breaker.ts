/** Footage is due by whole segments, of which finals are the longest: ten minutes, and a good deal to spare. */
const longestSegmentMs = 3_600_000;

/** Footage of one camera that is due. */
export interface CameraDue {
  internalId: number;
  dueMs: number;
}

/** How much of a camera will be due by an instant; null: let go by a released hold, so due whenever somebody looks. */
export interface CameraForecast extends CameraDue {
  atMs: number | null;
}

/** What is known of what single cameras may have due. */
export interface CameraExpectations {
  /** When the last sweep looked, or an operator let it go on since; null: there was none. */
  sinceMs: number | null;
  /** The instant of the forecast that counts now; null: there is none. */
  stepMs: number | null;
  /** Only where it is more than time alone brings. */
  cameraForecast: readonly CameraForecast[];
  /** What an operator lets pass, of each camera as of `asOfMs`. */
  approved: { cameras: readonly CameraDue[]; asOfMs: number } | null;
}

/**
 * The cameras of which more is due than can be, the worst first. A camera records a second a second, so no more than
 * the time since the last look becomes due of it but for what the sweeps have seen coming (a shorter retention, a hold's
 * end, what a failed sweep left), what a released hold let go, and what an operator approved.
 * @param bounds.factor more than so many times what is expected is not trusted
 * @param bounds.slackMs what late salvage or a small import may bring beyond that
 */
export function unexplainedCameras(
  due: readonly CameraDue[],
  nowMs: number,
  { sinceMs, stepMs, cameraForecast, approved }: CameraExpectations,
  bounds: { factor: number; slackMs: number },
): (CameraDue & { expectedMs: number })[] {
  const elapsedMs = Math.max(0, nowMs - (sinceMs ?? nowMs));
  const foreseen = sumOf(cameraForecast.filter(({ atMs }) => atMs !== null && atMs === stepMs));
  const letGo = sumOf(cameraForecast.filter(({ atMs }) => atMs === null));
  const passed = sumOf(approved?.cameras ?? []);
  const passedSinceMs = approved === null ? 0 : Math.max(0, nowMs - approved.asOfMs);
  return due
    .flatMap((camera) => {
      const { internalId, dueMs } = camera;
      const expectedMs = Math.max(elapsedMs, foreseen.get(internalId) ?? 0) + (letGo.get(internalId) ?? 0);
      const approvedMs = (passed.get(internalId) ?? 0) + passedSinceMs;
      return dueMs <= Math.max(approvedMs, bounds.factor * expectedMs) + bounds.slackMs
        ? []
        : { ...camera, expectedMs };
    })
    .toSorted((a, b) => b.dueMs - a.dueMs);
}

function sumOf(cameras: readonly CameraDue[]): Map<number, number> {
  const sums = new Map<number, number>();
  for (const { internalId, dueMs } of cameras) sums.set(internalId, (sums.get(internalId) ?? 0) + dueMs);
  return sums;
}

/** What of a forecast for one instant is worth keeping: what time alone brings is expected of each camera anyway. */
export function moreThanTime(
  due: readonly CameraDue[],
  { atMs, sinceMs }: { atMs: number; sinceMs: number },
): (CameraForecast & { atMs: number })[] {
  return [...sumOf(due)]
    .filter(([, dueMs]) => dueMs > atMs - sinceMs + longestSegmentMs)
    .map(([internalId, dueMs]) => ({ internalId, atMs, dueMs }));
}

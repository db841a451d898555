/** A camera that comes back this often within the window flaps: one reboot is one return, a bad cable many. */
const flapReturns = 5;
/** Of a window of half an hour: a restart of a switch or a firmware update makes two or three returns. */
export const flapWindowMs = 30 * 60_000;

/**
 * Whether a camera flaps: it is recorded at most moments anyone looks, and loses footage all the same.
 * @param returnsMs when footage came back, in any order
 * @returns how often within the window, and since when; null = it does not flap
 */
export function flapping(returnsMs: readonly number[], nowMs: number): { returns: number; sinceMs: number } | null {
  const recent = returnsMs.filter((ms) => ms > nowMs - flapWindowMs && ms <= nowMs);
  return recent.length < flapReturns ? null : { returns: recent.length, sinceMs: Math.min(...recent) };
}

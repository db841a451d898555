const minuteMs = 60_000;
const stepsMs = [10_000, 30_000, ...[1, 2, 5, 10, 15, 30, 60, 120, 240].map((minutes) => minutes * minuteMs)];

/**
 * Where a time axis is labelled: whole steps of the wall clock, at most `most` of them.
 * @param offsetMs of the zone from UTC at that time, so that labels fall on its full hours
 */
export function axisTicks(fromMs: number, toMs: number, most: number, offsetMs: number): number[] {
  const stepMs = stepsMs.find((step) => (toMs - fromMs) / step <= most) ?? stepsMs.at(-1) ?? minuteMs;
  const ticks: number[] = [];
  const first = Math.ceil((fromMs + offsetMs) / stepMs) * stepMs - offsetMs;
  for (let tick = first; tick <= toMs; tick += stepMs) ticks.push(tick);
  return ticks;
}

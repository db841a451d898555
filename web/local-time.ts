const two = (n: number) => String(n).padStart(2, '0');

/** A moment in the viewer's zone as date and time fields have it: `2026-11-17`, `14:20:05`. */
export function localFields(atMs: number): { date: string; time: string } {
  const at = new Date(atMs);
  return {
    date: `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`,
    time: `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`,
  };
}

/** No zone's summer time is longer. */
const longestShiftMs = 2 * 3_600_000;

/**
 * The moment that date and time fields name, in ms since 1970; null when they name none.
 * @param prefer which one where an hour is repeated, as when summer time ends; a moment: the nearer one to it
 */
export function momentOf(
  { date, time }: { date: string; time: string },
  prefer: 'earlier' | 'later' | number,
): number | null {
  const atMs = new Date(`${date}T${time}`).getTime();
  if (date === '' || time === '' || Number.isNaN(atMs)) return null;
  const zoneAt = (ms: number): number => new Date(ms).getTimezoneOffset() * 60_000;
  // Which of both `new Date` takes is nowhere said for all browsers: the other one lies by the shift's length off.
  const shiftMs = Math.abs(zoneAt(atMs + longestShiftMs) - zoneAt(atMs - longestShiftMs));
  const named = [atMs - shiftMs, atMs, atMs + shiftMs].filter((ms) => sameFields(localFields(ms), localFields(atMs)));
  if (prefer === 'earlier') return Math.min(...named);
  if (prefer === 'later') return Math.max(...named);
  return named.reduce((best, ms) => (Math.abs(ms - prefer) < Math.abs(best - prefer) ? ms : best));
}

const sameFields = (a: ReturnType<typeof localFields>, b: ReturnType<typeof localFields>): boolean =>
  a.date === b.date && a.time === b.time;

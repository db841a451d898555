const two = (n: number) => String(n).padStart(2, '0');

/** A moment in the viewer's zone as date and time fields have it: `2026-11-17`, `14:20:05`. */
export function localFields(atMs: number): { date: string; time: string } {
  const at = new Date(atMs);
  return {
    date: `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`,
    time: `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`,
  };
}

/** The moment that date and time fields name, in ms since 1970; null when they name none. */
export function momentOf({ date, time }: { date: string; time: string }): number | null {
  const atMs = new Date(`${date}T${time}`).getTime();
  return date === '' || time === '' || Number.isNaN(atMs) ? null : atMs;
}

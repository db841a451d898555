import { computed, signal } from '@preact/signals';

/** The browser's time in ms, renewed each second: what ages are counted from. */
export const nowMs = signal(Date.now());

setInterval(() => {
  nowMs.value = Date.now();
}, 1000);

/** The same, renewed every 5 s: for long lists, which need not be drawn anew each second. */
export const slowNowMs = computed(() => Math.floor(nowMs.value / 5000) * 5000);

/** Server time minus browser time in ms: a browser whose clock is wrong must not show wrong ages of footage. */
const serverOffsetMs = signal(0);

/** Learns the server's time from an answer's `date` header, which is exact to a second. */
export function noteServerTime(dateHeader: string | null): void {
  const serverMs = dateHeader === null ? Number.NaN : Date.parse(dateHeader);
  if (Number.isNaN(serverMs)) return;
  const offsetMs = serverMs + 500 - Date.now();
  // Below 2 s it is the header's rounding and the way of the answer, not a wrong clock.
  serverOffsetMs.value = Math.abs(offsetMs) < 2000 ? 0 : offsetMs;
}

/** The server's time in ms, renewed each second. */
export function serverNowMs(): number {
  return nowMs.value + serverOffsetMs.value;
}

/** The server's time in ms, renewed every 5 s. */
export function slowServerNowMs(): number {
  return slowNowMs.value + serverOffsetMs.value;
}

/** The server's time in ms at this moment, outside rendering. */
export function serverNow(): number {
  return Date.now() + serverOffsetMs.peek();
}

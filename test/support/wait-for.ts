import { setTimeout as sleep } from 'node:timers/promises';

/** Looks ten times a second, and four times once that has lasted: what is looked at costs other tests their CPU time. */
const looks = { firstMs: 3000, everyMs: 100, laterEveryMs: 250 };

/**
 * Waits until `look` gives something other than undefined or false; fails with `what` after the time.
 * @param everyMs for what is there for a moment only; it is looked at as often as that from first to last
 */
export async function waitFor<T>(
  what: string,
  look: () => Promise<T | undefined | false>,
  withinMs = 45_000,
  everyMs?: number,
): Promise<T> {
  const startMs = Date.now();
  const deadlineMs = startMs + withinMs;
  let lastError: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      lastError = error;
    }
    if (Date.now() > deadlineMs) throw new Error(`not within ${withinMs} ms: ${what}`, { cause: lastError });
    await sleep(everyMs ?? (Date.now() - startMs < looks.firstMs ? looks.everyMs : looks.laterEveryMs));
  }
}

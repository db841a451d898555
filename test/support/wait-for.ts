import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until `look` gives something other than undefined or false; fails with `what` after the time. */
export async function waitFor<T>(
  what: string,
  look: () => Promise<T | undefined | false>,
  withinMs = 45_000,
): Promise<T> {
  const deadlineMs = Date.now() + withinMs;
  let lastError: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      lastError = error;
    }
    if (Date.now() > deadlineMs) throw new Error(`not within ${withinMs} ms: ${what}`, { cause: lastError });
    await sleep(100);
  }
}

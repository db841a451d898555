import { setTimeout as sleep } from 'node:timers/promises';

/** Recording waits no longer than this for what the catalogue says. */
const waitMs = 1000;

/**
 * What the catalogue answers, if it does so soon.
 * @param onError told of its error
 * @returns null where it is away
 */
export function catalogueWord<T>(asked: Promise<T>, onError: (error: unknown) => void): Promise<T | null> {
  const answer = asked.catch((error: unknown) => {
    onError(error);
    return null;
  });
  return Promise.race([answer, sleep(waitMs, null)]);
}

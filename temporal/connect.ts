import { setTimeout as sleep } from 'node:timers/promises';
import { errorText } from '../errors.ts';
import type { Logger } from '../log.ts';

const retryEveryMs = 2_000;

/**
 * Connects, however long the server is away: recording goes on meanwhile.
 * @param connect a connection attempt; it fails at once when the server is away (9 ms seen)
 * @throws the signal's reason when aborted
 */
export async function connectWithRetry<T>(connect: () => Promise<T>, log: Logger, signal: AbortSignal): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await connect();
    } catch (error) {
      signal.throwIfAborted();
      // The first failure and then one a minute: an outage of an hour is no reason for 1,800 lines.
      if (attempt % 30 === 1) log.warn({ attempt, cause: errorText(error) }, 'Temporal is away, trying on');
    }
    await sleep(retryEveryMs, undefined, { signal });
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import { errorText } from '../errors.ts';
import type { Logger } from '../log.ts';
import { SpoolMissingError } from '../recorder/known-spool.ts';
import type { RunningRole } from './role.ts';

/** A disk is mounted by hand, or late in a boot. */
const lookEveryMs = 5000;
/** So often it is said again. */
const looksPerLog = 12;

/**
 * Starts a role that needs this host's spool. While that is not there nothing is recorded, which is logged as an error
 * each minute and told to the catalogue; the process's other roles run, and this one starts by itself when the spool is
 * back.
 * @param start throws SpoolMissingError until then
 * @param tell notes what is waited for, each 5 s; where it fails that is logged
 * @throws what else keeps it from starting at once; later such an error is logged, and it is tried again
 */
export async function startOnceSpoolIsThere(
  log: Logger,
  start: () => Promise<RunningRole>,
  tell: (missing: SpoolMissingError) => Promise<void>,
): Promise<RunningRole> {
  const stopping = new AbortController();
  let role: RunningRole | null = null;
  let waiting: Promise<void> = Promise.resolve();

  let telling: Promise<void> | null = null;

  /** Not waited for: a catalogue that hangs must not keep the disk's return from being seen. */
  function tellOf(missing: SpoolMissingError): void {
    telling ??= tell(missing)
      .catch((error: unknown) => {
        log.warn({ cause: errorText(error) }, 'the catalogue was not told that the spool is missing');
      })
      .finally(() => {
        telling = null;
      });
  }

  async function wait(): Promise<void> {
    for (let looks = 1; role === null; looks += 1) {
      await sleep(lookEveryMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      try {
        role = await start();
        log.info('the spool is back, recording begins');
      } catch (error) {
        if (looks % looksPerLog === 0) log.error({ cause: errorText(error) }, 'nothing is recorded on this host');
        if (error instanceof SpoolMissingError) tellOf(error);
      }
    }
  }

  try {
    role = await start();
  } catch (error) {
    if (!(error instanceof SpoolMissingError)) throw error;
    log.error({ cause: errorText(error) }, 'nothing is recorded on this host');
    tellOf(error);
    waiting = wait();
  }
  return {
    async drain() {
      await role?.drain();
    },
    async stop() {
      stopping.abort();
      await Promise.all([waiting, telling]);
      await role?.stop();
    },
  };
}

import { errorText } from '../errors.ts';
import type { Logger } from '../log.ts';
import { codeOf } from './error-code.ts';

/** Tells of tries that fail for hundreds of cameras at once, as when a server goes away. */
export interface FailedTries {
  /** The first of a cause is told at once; from then on one line a minute says how many there were, and the newest. */
  failed(of: { cameraId: string; file?: string }, error: unknown): void;
}

const sayEveryMs = 60_000;

/** What is known of one cause. */
interface Cause {
  saidMs: number;
  newestMs: number;
  /** Since it was told last. */
  tries: number;
  cameras: Set<string>;
}

/**
 * @param deps.what the line's message
 * @param deps.steadyMs a clock that is never set
 */
export function createFailedTries(deps: { log: Logger; what: string; steadyMs?: () => number }): FailedTries {
  const steadyMs = deps.steadyMs ?? (() => performance.now());
  /** By code, of which there are few: texts name ports and files. */
  const causes = new Map<string, Cause>();
  return {
    failed(of, error) {
      const nowMs = steadyMs();
      const key = codeOf(error) ?? (error instanceof Error ? error.name : typeof error);
      let cause = causes.get(key);
      // Tries are at most 10 s apart, so this is another outage.
      if (cause === undefined || nowMs - cause.newestMs > sayEveryMs) {
        cause = { saidMs: -Infinity, newestMs: nowMs, tries: 0, cameras: new Set() };
        causes.set(key, cause);
      }
      cause.newestMs = nowMs;
      cause.tries += 1;
      cause.cameras.add(of.cameraId);
      if (nowMs - cause.saidMs < sayEveryMs) return;
      deps.log.warn({ ...of, cause: errorText(error), tries: cause.tries, cameras: cause.cameras.size }, deps.what);
      cause.saidMs = nowMs;
      cause.tries = 0;
      cause.cameras.clear();
    },
  };
}

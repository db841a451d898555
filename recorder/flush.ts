import { setTimeout as sleep } from 'node:timers/promises';
import type { AskedFiles } from './asked-files.ts';
import type { Committer } from './committer.ts';

/**
 * For the end of the process: waits until all that was closed is committed, also what still waits for an answer about
 * its camera, as while the catalogue hangs.
 * @returns false when time ran out; what waits stays in `closed/`, where the next start finds it
 */
export async function flushWithin(
  ms: number,
  { asking, committer, now }: { asking: Pick<AskedFiles, 'waiting' | 'idle'>; committer: Committer; now: () => number },
): Promise<boolean> {
  const endsAtMs = now() + ms;
  await Promise.race([asking.idle(), sleep(ms, undefined, { ref: false })]);
  const isFlushed = await committer.flush(endsAtMs - now());
  return isFlushed && asking.waiting().length === 0;
}

import { leasesOf, type Lease } from '../db/leases.ts';
import type { Db } from '../db/sql.ts';
import { errorText } from '../errors.ts';
import type { Logger } from '../log.ts';
import { createRounds } from './rounds.ts';

/** Looks once a second, in one query for the whole process, what the catalogue says about the recorded cameras. */
export interface Watcher {
  start(): void;
  /** At once nothing is told any more; it resolves when no query runs, 35 s later where the catalogue hangs. */
  stop(): Promise<void>;
}

const everyMs = 1000;

export function createWatcher(deps: {
  db: Db;
  cameraIds: () => string[];
  /** Told of each lease; a camera the catalogue does not know has none. */
  onLease: (lease: Lease) => void;
  log: Logger;
}): Watcher {
  let isAway = false;

  async function look(): Promise<void> {
    const ids = deps.cameraIds();
    const leases = ids.length === 0 ? [] : await leasesOf(deps.db, ids);
    if (isAway) deps.log.info('the catalogue is back');
    isAway = false;
    if (rounds.isStopped()) return; // the recordings end by themselves
    for (const lease of leases) deps.onLease(lease);
  }

  const rounds = createRounds(everyMs, look, (error) => {
    // What was wanted stays wanted: nobody could have said otherwise.
    if (!isAway) deps.log.warn({ cause: errorText(error) }, 'the catalogue is away, recording goes on');
    isAway = true;
  });
  return rounds;
}

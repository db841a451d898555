import { recorders, type Recorder } from '../db/recorders.ts';
import { wantedByHost } from '../db/service-status.ts';
import type { Db } from '../db/sql.ts';
import { dayMs } from '../domain/retention.ts';

/** A recorder, and how many cameras count on it: those that are wanted and that nobody else has taken since. */
export interface KnownRecorder extends Recorder {
  cameras: number;
}

/** A host that was scaled in leaves its row for good; one that is repaired over a weekend should be missed meanwhile. */
const forgottenAfterMs = 7 * dayMs;

/** The recorders that still matter: seen in the last 7 days, counted on, or with footage in their spool when last seen. */
export async function knownRecorders(db: Db, nowMs: number): Promise<KnownRecorder[]> {
  const [hosts, wanted] = await Promise.all([recorders(db), wantedByHost(db)]);
  return hosts
    .map((host) => ({ ...host, cameras: wanted.get(host.hostId) ?? 0 }))
    .filter((host) => {
      const toldMs = Math.max(host.seenMs, host.waits?.seenMs ?? 0);
      return host.cameras > 0 || filesLeft(host) > 0 || nowMs - toldMs <= forgottenAfterMs;
    });
}

function filesLeft({ stats }: Recorder): number {
  if (stats === null) return 0;
  return stats.backlog.files + (stats.held?.files ?? 0) + (stats.unreadable?.files ?? 0);
}

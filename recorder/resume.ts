import { leasesOf, type Lease } from '../db/leases.ts';
import type { Db } from '../db/sql.ts';
import { errorText } from '../errors.ts';
import type { Logger } from '../log.ts';
import { catalogueWord } from './catalogue-word.ts';
import type { HoleReasons } from './hole-reasons.ts';
import type { Assignment, Journal } from './journal.ts';
import { openRuns } from './open-runs.ts';
import type { Registry } from './registry.ts';
import { salvageCamera, type SalvageDeps } from './salvage.ts';

/** The journalled cameras that are to go on; all of them while the catalogue is away. The others leave the journal. */
export async function resumableAssignments(deps: {
  db: Db;
  journal: Journal;
  hostId: string;
  log: Logger;
}): Promise<Assignment[]> {
  const { db, journal, log } = deps;
  const assignments = await journal.read();
  if (assignments.length === 0) return [];
  const ids = assignments.map(({ cameraId }) => cameraId);
  const leases = await catalogueWord(leasesOf(db, ids), (error) =>
    log.warn({ cause: errorText(error) }, 'the catalogue is away, the journal says what to record'),
  );
  if (leases === null) return assignments;
  const byId = new Map(leases.map((lease) => [lease.cameraId, lease]));
  const kept = assignments.filter((assignment) => isStillOurs(assignment, byId.get(assignment.cameraId)));
  const gone = assignments.filter((assignment) => !kept.includes(assignment));
  await Promise.all(gone.map(({ cameraId }) => journal.remove(cameraId)));
  return kept.map((assignment) => withEpochOf(byId.get(assignment.cameraId), assignment, deps.hostId));
}

/** A camera that is unwanted now, or that a newer epoch records, is not taken up again. */
function isStillOurs(assignment: Assignment, lease: Lease | undefined): boolean {
  return lease !== undefined && lease.wanted && lease.recordingEpoch <= assignment.epoch;
}

/**
 * Killed between taking an epoch and noting it, this host holds one that its journal does not know. Nobody else has it,
 * and without it each file would wait for its first frame.
 */
function withEpochOf(lease: Lease | undefined, assignment: Assignment, hostId: string): Assignment {
  return lease?.hostId === hostId && lease.epoch > assignment.epoch
    ? { ...assignment, epoch: lease.epoch }
    : assignment;
}

/** Goes on with what the journal names, and says why footage is missing since. */
export function resumeAll(
  assignments: readonly Assignment[],
  salvaging: ReadonlyMap<string, Promise<number | null>>,
  deps: {
    registry: Pick<Registry, 'resume' | 'entry'>;
    holes: Pick<HoleReasons, 'away'>;
    nowMs: number;
  },
): void {
  for (const assignment of assignments) {
    const { cameraId } = assignment;
    const lastEndMs = salvaging.get(cameraId) ?? Promise.resolve(null);
    const reason = assignment.stoppedAtMs === null ? 'host-lost' : 'deploy';
    deps.holes.away(cameraId, reason, deps.nowMs);
    deps.registry.resume(assignment, lastEndMs);
    // Before anything that the recording says itself, which it does later.
    deps.registry.entry(cameraId)?.claims.opened(reason, lastEndMs);
  }
}

/**
 * Starts to salvage all that lies in the spool, camera by camera.
 * @returns by camera, the end of its footage on this host, once it is salvaged
 */
export async function salvageSpool(deps: SalvageDeps): Promise<Map<string, Promise<number | null>>> {
  const { spool, log } = deps;
  const runs = await openRuns(spool);
  const closed = await spool.closedFiles();
  const salvaging = new Map<string, Promise<number | null>>();
  for (const cameraId of new Set([...runs.keys(), ...closed.map((file) => file.cameraId)])) {
    const salvage = salvageCamera(deps, cameraId, runs.get(cameraId) ?? []).catch((error: unknown) => {
      log.error({ cameraId, err: error }, 'salvage failed; tried again at the next start');
      return null;
    });
    salvaging.set(cameraId, salvage);
  }
  return salvaging;
}

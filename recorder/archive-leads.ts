import { noteArchiveLead } from '../db/leases.ts';
import type { Db } from '../db/sql.ts';
import type { Assignment } from './journal.ts';
import type { ClosedFile } from './run-files.ts';
import { steadyNowMs } from './steady-clock.ts';
import type { WriteQueue } from './write-queue.ts';

/** Tells the catalogue how far archives are ahead, for hosts that take cameras over from this one when it is lost. */
export interface ArchiveLeads {
  /** A file was committed. @param assignment of its camera now; undefined = that is not recorded here any more */
  committed(file: ClosedFile, assignment: Assignment | undefined): void;
}

/** Smaller changes are the jitter of a loaded machine, and what footage gives up to come back to its host's time. */
const toldAgainMs = 500;

/**
 * Told after the commit: until then what the host before has left there counts, for that is what the first file must
 * find its place after. Once a recording, and again where that has changed: at steps of clocks.
 */
export function createArchiveLeads(deps: { db: Db; queue: WriteQueue; now: () => number }): ArchiveLeads {
  const told = new Map<string, { epoch: number; leadMs: number }>();
  return {
    committed({ name }, assignment) {
      if (assignment === undefined || assignment.archiveClock === null) return;
      const { cameraId, archiveClock, epoch } = assignment;
      if (name.epoch !== epoch) return; // of a backlog: it says nothing of what is recorded now
      const leadMs = Math.max(0, Math.round(archiveClock.offsetMs + steadyNowMs() - deps.now()));
      const before = told.get(cameraId);
      if (before?.epoch === epoch && Math.abs(leadMs - before.leadMs) < toldAgainMs) return;
      told.set(cameraId, { epoch, leadMs });
      deps.queue.add(cameraId, () => noteArchiveLead(deps.db, cameraId, epoch, leadMs), 'archive-lead');
    },
  };
}

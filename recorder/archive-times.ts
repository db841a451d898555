import { noteArchiveTime } from '../db/leases.ts';
import type { Db } from '../db/sql.ts';
import type { Assignment } from './journal.ts';
import { steadyNowMs } from './steady-clock.ts';
import type { WriteQueue } from './write-queue.ts';

/** Tells the catalogue where archives are, for hosts that take cameras over from this one when it is lost. */
export interface ArchiveTimes {
  /** Footage was committed under this assignment; undefined = of a camera that is not recorded here any more. */
  committed(assignment: Assignment | undefined): void;
}

/**
 * Told after the commit: until then what the host before has left there counts, for that is what the first file must
 * find its place after. Each time that the journal's value is replaced, which is once a start and at steps of clocks.
 */
export function createArchiveTimes(db: Db, queue: WriteQueue): ArchiveTimes {
  const told = new WeakSet<NonNullable<Assignment['archive']>>();
  return {
    committed(assignment) {
      if (assignment === undefined) return;
      const { cameraId, archive, epoch } = assignment;
      if (archive === null || told.has(archive)) return;
      told.add(archive);
      queue.add(cameraId, () => noteArchiveTime(db, cameraId, epoch, archive.offsetMs + steadyNowMs()), 'archive-time');
    },
  };
}

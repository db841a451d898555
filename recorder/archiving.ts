import { dayMs } from '../domain/retention.ts';
import type { SanityLimits } from '../domain/segment.ts';
import type { Spool } from '../storage/spool.ts';
import { createCameraIds } from './camera-ids.ts';
import { commitFile, type CommitOutcome } from './commit.ts';
import { createCommitter, type Committer } from './committer.ts';
import type { Failpoint } from './failpoint.ts';
import { createFinalOnly, type FinalOnly } from './final-only.ts';
import type { HoleReasons } from './hole-reasons.ts';
import { createLinger, type Linger } from './linger.ts';
import { createQuarantine, createQuarantineBound, type Quarantine } from './quarantine.ts';
import { createQuarantineRounds, type QuarantineRounds } from './quarantine-rounds.ts';
import type { RecorderDeps } from './recorder-contract.ts';
import type { ClosedFile } from './run-files.ts';
import { createSpoolGuard, type SpoolGuard } from './spool-guard.ts';
import { createUnreadable, type Unreadable } from './unreadable.ts';

/** What brings closed files into the archive, and what of them stays in the spool for how long. */
export interface Archiving {
  committer: Committer;
  finalOnly: FinalOnly;
  guard: SpoolGuard;
  linger: Linger;
  unreadable: Unreadable;
  quarantine: Quarantine;
  rounds: QuarantineRounds;
  /** What counts as footage. */
  limits: SanityLimits;
}

/** What is committed at the end of a handover waits this long and a segment for the new recording's first commit. */
const handoverHoldMs = 15_000;
/** Ten minutes, for GOPs are long where cameras save bits; catalogue rows are an hour at most. */
const longestSegmentMs = 600_000;

export function createArchiving(
  deps: Pick<RecorderDeps, 'config' | 'db' | 'objects' | 'log' | 'now' | 'unreadablePatienceMs'> & {
    spool: Spool;
    holes: HoleReasons;
    onDone: (file: ClosedFile, outcome: CommitOutcome) => void;
    failpoint: Failpoint;
  },
): Archiving {
  const { config, db, objects, spool, holes, log, now, failpoint } = deps;
  const limits: SanityLimits = { maxDurationMs: Math.max(longestSegmentMs, config.segmentSeconds * 3000) };
  const cameraIds = createCameraIds(db);
  const quarantine = createQuarantine({ spoolDir: spool.dir, now });
  const lingerMs = config.spool.lingerSeconds * 1000;
  const windowMs = config.windowSeconds * 1000;
  const where = { db, objects, spool, cameraIds };
  const linger = createLinger({ ...where, quarantine, lingerMs, log, now });
  const guard = createSpoolGuard({
    spool,
    releaseLingering: () => Promise.all([linger.sweep(0), finalOnly.makeRoom()]),
    quarantine: createQuarantineBound({
      spoolDir: spool.dir,
      keptMs: config.quarantineDays * dayMs,
      log,
      now,
    }),
    log,
  });
  const rounds = createQuarantineRounds({ db, spoolDir: spool.dir, onBack: (file) => finalOnly.add(file), log, now });
  const unreadable = createUnreadable({
    spool,
    onAside: (file, why) => holes.unreadable(file, why),
    onBack: (file) => finalOnly.add(file),
    patienceMs: deps.unreadablePatienceMs,
    log,
    failpoint,
  });
  const commit = {
    ...where,
    quarantine,
    limits,
    handoverHoldMs: config.segmentSeconds * 1000 + handoverHoldMs,
    windowMs,
    log,
    now,
    failpoint,
  };
  const committer = createCommitter({
    commit: (file) => unreadable.committing(file, () => commitFile(commit, file)),
    onDone: deps.onDone,
    log,
    now,
  });
  const finalOnly = createFinalOnly({
    ...where,
    commit: (file) => committer.add(file),
    isTakeover: (file) => holes.isTakeover(file),
    windowMs,
    waitMs: config.finalWaitSeconds * 1000,
    lingerMs,
    log,
    now,
    failpoint,
  });
  return { committer, finalOnly, guard, linger, unreadable, quarantine, rounds, limits };
}

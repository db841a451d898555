import { isHeld } from '../db/holds.ts';
import { termsOf } from '../db/retention.ts';
import type { Db } from '../db/sql.ts';
import { sweepState } from '../db/sweep-state.ts';
import { cutoffMs } from '../domain/retention.ts';
import { errorText } from '../errors.ts';
import type { Logger } from '../log.ts';
import { keptFiles, removeKept, takeBack, type KeptFile } from './kept-files.ts';
import { createRounds } from './rounds.ts';
import type { ClosedFile } from './run-files.ts';

/** Looks after what was put aside in the spool: what an operator asks for comes back, what is too old goes. */
export interface QuarantineRounds {
  /** What lay in quarantine at the last look, damaged files too. */
  found(): { files: number; bytes: number };
  /** One look. @throws errors of catalogue and disk; what comes back and what is found is settled before */
  look(): Promise<void>;
  start(): void;
  stop(): Promise<void>;
}

const everyMs = 5000;
/** A camera's retention is asked for less often: it is days. */
const dueEveryMs = 60_000;

/** @param deps.onBack told of a file that lies in `closed/` again */
export function createQuarantineRounds(deps: {
  db: Db;
  spoolDir: string;
  onBack: (file: ClosedFile) => void;
  log: Logger;
  now: () => number;
}): QuarantineRounds {
  const { db, spoolDir, log } = deps;
  let found = { files: 0, bytes: 0 };
  let dueAskedMs = -Infinity;

  async function bringBack(kept: KeptFile): Promise<boolean> {
    try {
      const file = await takeBack(spoolDir, kept);
      if (file === null) return false;
      log.info({ cameraId: file.cameraId, name: file.name }, 'a file comes back from quarantine, as it was asked for');
      deps.onBack(file);
      return true;
    } catch (error) {
      log.error({ file: kept.path, cause: errorText(error) }, 'a file could not be brought back from quarantine');
      return false;
    }
  }

  async function removeDue(all: readonly KeptFile[]): Promise<void> {
    if (performance.now() - dueAskedMs < dueEveryMs) return;
    dueAskedMs = performance.now();
    for (const kept of await dueFiles(db, all, Math.min(Date.now(), deps.now()))) {
      await removeKept(kept);
      const { path: file, cameraId, name } = kept;
      log.warn({ file, cameraId, name }, "removed from quarantine: its camera's retention is over");
    }
  }

  async function look(): Promise<void> {
    const left: KeptFile[] = [];
    for (const kept of await keptFiles(spoolDir)) if (!(await bringBack(kept))) left.push(kept);
    const files = left.filter((kept) => kept.kind !== 'unreadable' && kept.path !== null);
    found = { files: files.length, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) };
    await removeDue(files);
  }

  const { start, stop } = createRounds(everyMs, look, (error) =>
    log.warn({ cause: errorText(error) }, 'what is in quarantine waits for catalogue and spool'),
  );
  return { found: () => found, look, start, stop };
}

/**
 * Which files are as old as footage that the retention sweep has deleted: by its last whole look, so that what stops the
 * sweep stops this too. A hold keeps them as it keeps that footage.
 */
async function dueFiles(db: Db, all: readonly KeptFile[], nowMs: number): Promise<KeptFile[]> {
  if (all.length === 0) return [];
  const { sweptMs, stopped } = await sweepState(db);
  if (sweptMs === null || stopped !== null) return [];
  const cutoffs = new Map<string, number>();
  for (const cameraId of new Set(all.map((kept) => kept.cameraId))) {
    const terms = await termsOf(db, cameraId);
    if (terms !== null) cutoffs.set(cameraId, cutoffMs(terms, Math.min(nowMs, sweptMs)));
  }
  const due: KeptFile[] = [];
  for (const kept of all) {
    const cutoff = cutoffs.get(kept.cameraId);
    if (kept.name === null || cutoff === undefined) continue;
    const range = { startMs: kept.name.startMs, endMs: kept.name.startMs + kept.name.durationMs };
    if (range.endMs <= cutoff && !(await isHeld(db, kept.cameraId, range, nowMs))) due.push(kept);
  }
  return due;
}

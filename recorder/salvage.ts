import { codeOf, isMissingFile } from './error-code.ts';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SanityLimits } from '../domain/segment.ts';
import type { Logger } from '../log.ts';
import type { Spool } from '../storage/spool.ts';
import type { Failpoint } from './failpoint.ts';
import { createRunFiles, type ClosedFile, type PutAside } from './run-files.ts';
import { readRunRecord } from './run-record.ts';
import { parseSegmentFileName, recordedMsOf } from './segment-name.ts';
import type { Unreadable } from './unreadable.ts';

export interface SalvageDeps {
  spool: Spool;
  quarantine: PutAside;
  unreadable: Pick<Unreadable, 'failed'>;
  limits: SanityLimits;
  onClosed: (file: ClosedFile) => void;
  /** A run that could not be salvaged now. */
  onLeft: (cameraId: string, run: string) => void;
  now: () => number;
  log: Logger;
  failpoint: Failpoint;
}

/** A killed recorder's ffmpeg ends within a second, since its camera connection died with it. */
const orphanWaitMs = 5000;
const orphanPollMs = 100;

/**
 * What a process that ended without order has left of a camera: finished files and the open one of each run get their
 * places and go to `closed/`, and all of `closed/` is handed on to be committed. Recording may go on meanwhile: it
 * writes to a folder of its own.
 * @param runs folders in `open/<camera>/`, read before recording was resumed
 * @returns the end of the camera's footage on this host; null = there was none
 */
export async function salvageCamera(
  deps: SalvageDeps,
  cameraId: string,
  runs: readonly string[],
): Promise<number | null> {
  let lastEndMs: number | null = null;
  const found = (file: ClosedFile): void => {
    lastEndMs = Math.max(lastEndMs ?? 0, file.name.startMs + file.name.durationMs);
    deps.onClosed(file);
  };
  for (const file of await closedInTurn(deps, cameraId)) found(file);
  for (const run of runs) {
    try {
      await salvageRun({ ...deps, onClosed: found }, cameraId, run);
    } catch (error) {
      deps.log.error({ cameraId, run, err: error }, 'a run could not be salvaged; it is tried again');
      deps.onLeft(cameraId, run);
    }
  }
  return lastEndMs;
}

/** What lies in `closed/`, in the order in which it was recorded. */
async function closedInTurn(deps: SalvageDeps, cameraId: string): Promise<ClosedFile[]> {
  const files: ClosedFile[] = [];
  for (const file of await deps.spool.closedFiles(cameraId)) {
    const parsed = parseSegmentFileName(file.name);
    if (parsed !== null) files.push({ cameraId, path: file.path, name: parsed.name });
    else if (!file.name.endsWith('.part')) await deps.quarantine({ ...file, name: null }, 'a name that is not ours');
    else await deps.spool.remove(file.path); // a cut that was not finished; its source is still there
  }
  return files.toSorted((a, b) => recordedMsOf(a.name) - recordedMsOf(b.name));
}

/**
 * Closes what a run has left in its folder, and removes the folder. No error where it is gone already.
 * @throws whatever keeps a file from being closed; those before it are closed by then, and it may be called again
 */
export async function salvageRun(deps: Omit<SalvageDeps, 'onLeft'>, cameraId: string, run: string): Promise<void> {
  const { spool, log, failpoint } = deps;
  const dir = path.join(spool.dir, 'open', cameraId, run);
  await spool.checkPresent(); // with its disk gone the folder is not, for good
  if (!(await isFolder(dir))) return;
  const record = await readRunRecord(dir, (error) => {
    log.error({ cameraId, run, err: error }, "a run's record cannot be read: its footage may be placed less exactly");
  });
  if (record !== null && record.pid !== null) await untilGone(record.pid, dir, log);
  await failpoint('salvage');
  let cause: unknown = null;
  const files = createRunFiles({
    cameraId,
    dir,
    record: record ?? { epoch: 0, clock: null, pid: null, placed: null },
    notBeforeMs: () => null,
    limits: deps.limits,
    close: (file, closedName) => spool.close({ cameraId, run, name: file }, closedName),
    quarantine: deps.quarantine,
    isAside: deps.unreadable.failed,
    onClosed: deps.onClosed,
    onError: (error) => {
      cause = error;
    },
    now: deps.now,
    log,
    failpoint,
  });
  await files.finish();
  if (cause !== null) throw cause;
  log.info({ cameraId, run, footageMs: files.footageMs(), endMs: files.lastEndMs() }, 'run salvaged');
}

async function isFolder(dir: string): Promise<boolean> {
  try {
    return (await stat(dir)).isDirectory();
  } catch (error) {
    if (isMissingFile(error)) return false;
    throw error;
  }
}

/** Waits for the ffmpeg of a killed recorder; one that hangs is ended, when it is ours beyond doubt. */
async function untilGone(pid: number, dir: string, log: Logger): Promise<void> {
  for (let waitedMs = 0; await writesTo(pid, dir); waitedMs += orphanPollMs) {
    if (waitedMs >= orphanWaitMs) {
      log.warn({ pid }, 'the ffmpeg of a killed recorder hangs and is ended');
      process.kill(pid, 'SIGKILL');
      await sleep(orphanPollMs);
      return;
    }
    await sleep(orphanPollMs);
  }
}

/** Whether this process is the ffmpeg that writes to the folder; its arguments name it. */
async function writesTo(pid: number, dir: string): Promise<boolean> {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).includes(dir);
  } catch (error) {
    // Gone; or a system without /proc, where the second that a restart takes must do.
    if (['ENOENT', 'ESRCH'].includes(codeOf(error) ?? '')) return false;
    throw error;
  }
}

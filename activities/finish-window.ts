import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readClocks } from '../db/clock.ts';
import { saveDecision } from '../db/finish-decisions.ts';
import { segmentsToFinish, workOf, type WindowWork } from '../db/finish-swap.ts';
import { markDone, reopen } from '../db/finish-windows.ts';
import { giveBack } from '../db/held-windows.ts';
import { unbrokenRuns } from '../domain/finish-window.ts';
import { decideProfile } from '../domain/profile-decision.ts';
import type { Segment } from '../domain/segment.ts';
import { JoinError } from '../media/join.ts';
import type { FinishJob } from '../workflows/messages.ts';
import { factsOf, flatten, type RunSegment } from './finish-facts.ts';
import { finishRun, type FinishRunDeps } from './finish-run.ts';
import { fetchSources, type SourceDeps } from './finish-sources.ts';
import { heldSources } from './held-sources.ts';

export type FinishPart = 'fetch' | Parameters<FinishRunDeps['onTime']>[0];

/** What became of a finish job. */
export interface FinishResult {
  /**
   * `finished`: nothing is left to do. `stale`: this round is over, or the rows have changed under it and the window
   * waits for its next. `needs-encoder`: it waits for a slot of an encoder.
   */
  outcome: 'finished' | 'stale' | 'needs-encoder';
  finals: number;
  /** Of footage that was put into finals. */
  footageMs: number;
  fetchedBytes: number;
  storedBytes: number;
  /** How long each part took, in ms. */
  parts: Partial<Record<FinishPart, number>>;
}

export interface FinishDeps extends Omit<FinishRunDeps, 'onTime'>, Omit<SourceDeps, 'onBytes'> {
  /** For sources and finals of running jobs. */
  workDir: string;
}

/**
 * Finishes one window: each unbroken run of its sources becomes one final. Every step may be repeated and two of these
 * may run at once: rows decide, and each run is swapped in whole or not at all. Single sources that are kept as they
 * are need no final.
 * @throws EncodeError, LostSourceError; errors of database and object store as they are
 */
export async function finishWindow(deps: FinishDeps, request: FinishJob): Promise<FinishResult> {
  const result = nothingDone('finished');
  const work = await workOf(deps.db, request);
  if (work === null) return { ...result, outcome: 'stale' };
  if (request.queue === 'spool' && !(await finishHeld(deps, request, work, result))) {
    await giveBack(deps.db, request, request.spoolHostId);
    return { ...result, outcome: 'stale' };
  }
  const runs = unbrokenRuns((await segmentsOf(deps, request, work)).map(flatten));
  for (const run of runs) {
    const action = await decide(deps, request, work, run);
    if (action === 'encode' && request.queue === 'join') {
      await reopen(deps.db, request);
      return { ...result, outcome: 'needs-encoder' };
    }
    if (action !== 'encode' && run.length === 1) continue;
    const isSwapped = await finishOne(
      deps,
      { request, work, action: action === 'encode' ? action : 'copy' },
      run,
      result,
    );
    if (!isSwapped) {
      await reopen(deps.db, request);
      return { ...result, outcome: 'stale' };
    }
  }
  await deps.failpoint('all-swapped');
  const isDone = await markDone(deps.db, request, deps.now());
  return { ...result, outcome: isDone ? 'finished' : 'stale' };
}

/** Of a job that has done nothing, or nothing yet. */
export function nothingDone(outcome: FinishResult['outcome']): FinishResult {
  return { outcome, finals: 0, footageMs: 0, fetchedBytes: 0, storedBytes: 0, parts: {} };
}

async function decide(
  deps: FinishDeps,
  request: FinishJob,
  work: WindowWork,
  run: readonly Segment[],
): Promise<'copy' | 'encode' | 'undecided'> {
  const { action, reason } = decideProfile(work.profile, factsOf(run, work.hasBFrames));
  if (request.reencodeId === 0) await saveDecision(deps.db, work.internalId, { ...work, action, reason });
  return action;
}

/**
 * Makes the finals of what only this host's spool holds.
 * @returns false where the recorder is to store it as it is: other footage of its time is stored, or a file is torn
 */
async function finishHeld(
  deps: FinishDeps,
  request: FinishJob,
  work: WindowWork,
  result: FinishResult,
): Promise<boolean> {
  if (deps.spoolDir === null) throw new Error('a held window was given to a worker without a spool');
  const dir = await mkdtemp(join(deps.workDir, 'held-'));
  try {
    const startMs = performance.now();
    const window = { cameraId: request.cameraId, windowStartMs: request.windowStartMs, windowMs: work.windowMs };
    const { segments, paths, isTorn } = await heldSources(deps.db, deps.spoolDir, window, dir);
    add(result, 'fetch', performance.now() - startMs);
    if (isTorn) return false;
    await deps.failpoint('fetched');
    const files = new Map(segments.map((segment, i) => [segment.startMs, paths[i] ?? '']));
    for (const run of unbrokenRuns(segments.map(flatten))) {
      const action = (await decide(deps, request, work, run)) === 'encode' ? 'encode' : 'copy';
      const own = run.map(({ startMs: at }) => files.get(at) ?? '');
      if (!(await makeFinals(deps, { request, work, action, dir, isHeld: true }, run, own, result))) return false;
    }
    return true;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function segmentsOf(deps: FinishDeps, request: FinishJob, work: WindowWork): Promise<Segment[]> {
  const { windowStartMs } = request;
  const range = {
    fromMs: Math.max(windowStartMs, work.asked?.fromMs ?? windowStartMs),
    toMs: Math.min(windowStartMs + work.windowMs, work.asked?.toMs ?? Infinity),
  };
  const want =
    request.reencodeId === 0
      ? ({ sourcesOnly: true } as const)
      : ({
          sourcesOnly: false,
          notVariant: work.variant,
          // A hold keeps it as long as it lasts by one of the clocks.
          atMs: (await readClocks(deps.db, deps)).earlierMs,
        } as const);
  return segmentsToFinish(deps.db, work.internalId, range, want);
}

/** Fetches a run and makes its final; where the files turn out to be no run, one final of each part that is. */
async function finishOne(
  deps: FinishDeps,
  job: { request: FinishJob; work: WindowWork; action: 'copy' | 'encode' },
  run: readonly RunSegment[],
  result: FinishResult,
): Promise<boolean> {
  const { request, work, action } = job;
  const dir = await mkdtemp(join(deps.workDir, 'run-'));
  try {
    const camera = { tenantId: work.tenantId, cameraId: request.cameraId };
    const startMs = performance.now();
    const { paths, fetchedBytes } = await fetchSources({ ...deps, onBytes: deps.onProgress }, camera, run, dir);
    add(result, 'fetch', performance.now() - startMs);
    result.fetchedBytes += fetchedBytes;
    await deps.failpoint('fetched');
    return await makeFinals(deps, { request, work, action, dir, isHeld: false }, run, paths, result);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

function makeFinals(
  deps: FinishDeps,
  job: { request: FinishJob; work: WindowWork; action: 'copy' | 'encode'; dir: string; isHeld: boolean },
  run: readonly RunSegment[],
  paths: readonly string[],
  result: FinishResult,
): Promise<boolean> {
  const { request, ...rest } = job;
  const onTime: FinishRunDeps['onTime'] = (part, ms) => add(result, part, ms);
  return finishParts(run, paths, async (segments, files) => {
    const final = await finishRun({ ...deps, onTime }, { ...rest, ref: request, segments, paths: files });
    if (final === null) return false;
    result.finals += 1;
    result.footageMs += final.durationMs;
    result.storedBytes += final.bytes;
    return true;
  });
}

/** Splits where a file does not continue the one before, though its row did: a late cut, or a camera's doing. */
async function finishParts(
  run: readonly RunSegment[],
  paths: readonly string[],
  finish: (segments: readonly RunSegment[], paths: readonly string[]) => Promise<boolean>,
): Promise<boolean> {
  try {
    return await finish(run, paths);
  } catch (error) {
    if (!(error instanceof JoinError) || error.at === 0) throw error;
    const { at } = error;
    return (
      (await finishParts(run.slice(0, at), paths.slice(0, at), finish)) &&
      (await finishParts(run.slice(at), paths.slice(at), finish))
    );
  }
}

function add(result: FinishResult, part: FinishPart, ms: number): void {
  result.parts[part] = Math.round((result.parts[part] ?? 0) + ms);
}

import { randomUUID } from 'node:crypto';
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { liveEncoders } from '../db/encoders.ts';
import { beginCopies, endCopies, isBeingPurged } from '../db/finish-copies.ts';
import { addFailure, park, waitForRetry } from '../db/finish-windows.ts';
import type { Db } from '../db/sql.ts';
import { isPoisoned, retryAfterMs, type WindowFailure } from '../domain/finish-window.ts';
import { redact } from '../domain/redact.ts';
import { errorText } from '../errors.ts';
import type { Logger } from '../log.ts';
import { EncodeError } from '../media/encode-errors.ts';
import { JoinError } from '../media/join.ts';
import { Mp4Error } from '../media/mp4-boxes.ts';
import type { FinishJob, FinishQueue } from '../workflows/messages.ts';
import { LostSourceError } from './finish-sources.ts';
import { finishWindow, nothingDone, type FinishDeps, type FinishResult } from './finish-window.ts';

export interface FinishActivities {
  /** Finishes one window; a standalone activity, see `feed-finish-jobs.ts`. */
  finish(request: FinishJob): Promise<FinishResult>;
}

export interface FinishJobDeps extends Omit<FinishDeps, 'signal' | 'onProgress'> {
  host: string;
  workerId: string;
  log: Logger;
  /** Aborted when this process ends: jobs give up at once and are tried elsewhere. */
  stopping: AbortSignal;
  /** Told when a job has ended, so that the next can be fed. */
  onEnd: () => void;
  /** How many jobs run in this process, by queue. */
  running: Record<FinishQueue, number>;
}

/** Looked at this often for progress: without any, no heartbeat is sent, and the job is taken from this worker. */
const tickMs = 2_000;

/** As often as a purge looks at first. */
const purgeLookMs = 5_000;

/** The activity around `finishWindow`: heartbeats while something moves, and what follows from a failure. */
export function createFinishActivities(deps: FinishJobDeps): FinishActivities {
  const noteGone = createGoneNotes(deps.db);
  return {
    async finish(request) {
      const { cancellationSignal } = Context.current();
      const purge = watchForPurge(deps, request.cameraId);
      const signal = AbortSignal.any([cancellationSignal, deps.stopping, purge.began]);
      const progress = beatWhileMoving();
      const { queue, cameraId, windowStartMs } = request;
      const copies = { id: randomUUID(), workerId: deps.workerId, host: deps.host, cameraId };
      deps.running[queue] += 1;
      const startMs = performance.now();
      try {
        const result = (await beginCopies(deps.db, copies))
          ? await finishWindow({ ...deps, signal, onProgress: progress.touch }, request)
          : nothingDone('stale');
        await noteGone(copies.id);
        const ms = Math.round(performance.now() - startMs);
        deps.log.info({ cameraId, windowStartMs, ms, ...result }, 'finish job done');
        return result;
      } catch (error) {
        if (purge.began.aborted) {
          await noteGone(copies.id);
          deps.log.info({ cameraId, windowStartMs }, 'finish job given up: its camera is being purged');
          return nothingDone('stale');
        }
        const told = await afterFailure(deps, request, error);
        // Without the catalogue a purge waits for the next job that ends here, or until a job may last no longer.
        await noteGone(copies.id).catch((cause: unknown) => {
          deps.log.warn({ cameraId, cause: errorText(cause) }, 'that the copies of a job are gone was not noted');
        });
        throw told;
      } finally {
        purge.stop();
        progress.stop();
        deps.running[queue] -= 1;
        deps.onEnd();
      }
    },
  };
}

/** Notes of tries that their copies are gone; what the catalogue could not be told it is told with the next. */
function createGoneNotes(db: Db): (id: string) => Promise<void> {
  const untold = new Set<string>();
  return async (id) => {
    untold.add(id);
    const ids = [...untold];
    await endCopies(db, ids);
    for (const told of ids) untold.delete(told);
  };
}

/**
 * Looks every few seconds whether the camera's purge has begun: it waits until this job's copies are gone. That is all
 * that ends a job: one whose window has changed under it makes a final that is good for something.
 */
function watchForPurge({ db, log }: FinishJobDeps, cameraId: string): { began: AbortSignal; stop: () => void } {
  const began = new AbortController();
  let looks = false;
  const timer = setInterval(() => {
    if (looks) return;
    looks = true;
    isBeingPurged(db, cameraId)
      .then((isBegun) => isBegun && began.abort(new Error('its camera is being purged')))
      // The next look may succeed, and without the catalogue nothing is stored.
      .catch((error: unknown) => log.debug({ cameraId, cause: errorText(error) }, 'not looked whether it is purged'))
      .finally(() => {
        looks = false;
      });
  }, purgeLookMs);
  return { began: began.signal, stop: () => clearInterval(timer) };
}

function beatWhileMoving(): { touch: () => void; stop: () => void } {
  const context = Context.current();
  let moved = true;
  const timer = setInterval(() => {
    if (moved) context.heartbeat();
    moved = false;
  }, tickMs);
  context.heartbeat();
  return {
    touch: () => {
      moved = true;
    },
    stop: () => clearInterval(timer),
  };
}

/**
 * What Temporal is told. What lies outside the footage (no session free, a store that is away, a stop) is retried as
 * it is; what may lie in the footage is noted, and the window waits or is parked.
 */
async function afterFailure(deps: FinishJobDeps, request: FinishJob, error: unknown): Promise<Error> {
  const failure = failureOf(error);
  if (failure === null) {
    const retry = error instanceof EncodeError ? error.retryAfterMs : null;
    deps.log.warn({ cameraId: request.cameraId, cause: errorText(error) }, 'finish job failed, tried again');
    return ApplicationFailure.create({
      message: redact(errorText(error)),
      type: error instanceof EncodeError ? error.failure : 'unavailable',
      ...(retry === null ? {} : { nextRetryDelay: retry }),
    });
  }
  const text = redact(errorText(error));
  const atMs = deps.now();
  const failures = await addFailure(deps.db, request, { host: deps.host, failure, text, atMs });
  const workers = await liveEncoders(deps.db, atMs);
  const hosts = workers
    .filter(({ slots, joinSlots }) => (request.queue === 'join' ? joinSlots : slots) > 0)
    .map(({ host }) => host);
  await settle(deps, request, failures, new Set(hosts).size);
  // The end of this round, not of the window: its next job may bear the same id, which needs this one to have failed.
  return ApplicationFailure.nonRetryable(text, failure);
}

async function settle(
  deps: FinishJobDeps,
  request: FinishJob,
  failures: readonly WindowFailure[],
  liveHosts: number,
): Promise<void> {
  const { cameraId, windowStartMs } = request;
  const last = failures[failures.length - 1];
  if (last === undefined) return; // the window has moved on
  const isParked = isPoisoned(failures, Math.max(1, liveHosts));
  deps.log.error({ cameraId, windowStartMs, ...last, isParked }, 'a window could not be finished');
  if (isParked) await park(deps.db, request);
  else await waitForRetry(deps.db, request, deps.now() + retryAfterMs(failures.length));
}

/** The class of a failure that may be the footage's own; null = it is not. */
function failureOf(error: unknown): string | null {
  if (error instanceof EncodeError) return error.action === 'retry-later' ? null : error.failure;
  if (error instanceof JoinError || error instanceof Mp4Error) return 'bad-source';
  if (error instanceof LostSourceError) return 'lost-source';
  return null;
}

import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { liveEncoders } from '../db/encoders.ts';
import { addFailure, park, waitForRetry } from '../db/finish-windows.ts';
import { isPoisoned, retryAfterMs, type WindowFailure } from '../domain/finish-window.ts';
import { redact } from '../domain/redact.ts';
import { errorText } from '../errors.ts';
import type { Logger } from '../log.ts';
import { EncodeError } from '../media/encode-errors.ts';
import { JoinError } from '../media/join.ts';
import { Mp4Error } from '../media/mp4-boxes.ts';
import type { FinishJob, FinishQueue } from '../workflows/messages.ts';
import { LostSourceError } from './finish-sources.ts';
import { finishWindow, type FinishDeps, type FinishResult } from './finish-window.ts';

export interface FinishActivities {
  /** Finishes one window; a standalone activity, see `feed-finish-jobs.ts`. */
  finish(request: FinishJob): Promise<FinishResult>;
}

export interface FinishJobDeps extends Omit<FinishDeps, 'signal' | 'onProgress'> {
  host: string;
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

/** The activity around `finishWindow`: heartbeats while something moves, and what follows from a failure. */
export function createFinishActivities(deps: FinishJobDeps): FinishActivities {
  return {
    async finish(request) {
      const { cancellationSignal } = Context.current();
      const signal = AbortSignal.any([cancellationSignal, deps.stopping]);
      const progress = beatWhileMoving();
      const { queue, cameraId, windowStartMs } = request;
      deps.running[queue] += 1;
      const startMs = performance.now();
      try {
        const result = await finishWindow({ ...deps, signal, onProgress: progress.touch }, request);
        const ms = Math.round(performance.now() - startMs);
        deps.log.info({ cameraId, windowStartMs, ms, ...result }, 'finish job done');
        return result;
      } catch (error) {
        throw await afterFailure(deps, request, error);
      } finally {
        progress.stop();
        deps.running[queue] -= 1;
        deps.onEnd();
      }
    },
  };
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

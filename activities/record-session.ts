import { Context } from '@temporalio/activity';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CameraState } from '../domain/camera.ts';
import { errorText } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Recorder, Recording } from '../recorder/recorder.ts';
import { createReporter, type ReportToWorkflow } from './report-state.ts';

export interface SessionRequest {
  cameraId: string;
  /** The session ends after this long; the recording goes on and the next session attaches to it. */
  sessionMs: number;
  /** What the workflow shows already: nothing is signalled that it knows. */
  knownState: CameraState;
  knownReason: string | null;
}

export interface SessionResult {
  reason: 'session-end' | 'handover' | 'unwanted' | 'reconfigure';
  lastSegmentEndMs: number | null;
  hostId: string;
}

export interface RecordSessionActivities {
  recordSession(request: SessionRequest): Promise<SessionResult>;
}

/** Looked at this often for progress; the SDK sends at most one heartbeat per throttle interval. */
const tickMs = 2_000;

/**
 * The activity that watches over a recording. The recorder process owns ffmpeg: losing this activity (timeout,
 * NOT_FOUND, shutdown of the worker) only detaches, so a Temporal outage loses no frame. An explicit cancel stops it.
 * @param deps.drain aborted at SIGTERM: every session returns `handover` at once and is started elsewhere
 */
export function createRecordSessionActivities(deps: {
  recorder: Recorder;
  drain: AbortSignal;
  report: ReportToWorkflow;
  maxSessionMs: number;
  log: Logger;
  now: () => number;
}): RecordSessionActivities {
  return {
    async recordSession(request) {
      const context = Context.current();
      const recording = await deps.recorder.ensure(request.cameraId, context.info.workflowExecution?.runId ?? null);
      const stopHeartbeats = heartbeatOnProgress(context, recording, deps.recorder.hostId);
      const stopReports = createReporter(deps, request, recording);
      const left = new AbortController();
      try {
        const reason = await Promise.race([
          recording.ended.then((end) => (end === 'superseded' || end === 'stopped' ? 'handover' : end)),
          sleep(Math.min(request.sessionMs, deps.maxSessionMs), 'session-end' as const, { signal: left.signal }),
          aborted(deps.drain, left.signal),
          context.cancelled,
        ]);
        return { reason, lastSegmentEndMs: recording.progress().lastSegmentEndMs, hostId: deps.recorder.hostId };
      } catch (error) {
        if (context.cancellationDetails?.cancelRequested === true) {
          await recording.stop('unwanted');
        } else {
          deps.log.info({ cameraId: request.cameraId, cause: errorText(error) }, 'session detached, recording goes on');
        }
        throw error;
      } finally {
        left.abort();
        stopReports();
        stopHeartbeats();
      }
    },
  };
}

function heartbeatOnProgress(context: Context, recording: Recording, hostId: string): () => void {
  let seen = -1;
  const beat = (): void => {
    const { count, lastSegmentEndMs } = recording.progress();
    // A hung ffmpeg must not look alive: without progress there is no heartbeat, and Temporal tries elsewhere.
    if (count === seen) return;
    seen = count;
    context.heartbeat({ epoch: recording.epoch, lastSegmentEndMs, hostId });
  };
  beat();
  const timer = setInterval(beat, tickMs);
  return () => clearInterval(timer);
}

function aborted(signal: AbortSignal, until: AbortSignal): Promise<'handover'> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve('handover');
    signal.addEventListener('abort', () => resolve('handover'), { once: true, signal: until });
  });
}

import type { CameraState } from '../domain/camera.ts';
import { errorText } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Recording } from '../recorder/recorder.ts';
import type { RecorderReport } from '../workflows/messages.ts';

/** Tells a camera's workflow what its recorder sees. */
export type ReportToWorkflow = (cameraId: string, report: RecorderReport) => Promise<void>;

/** A state is reported once it has lasted this long: a reconnect of seconds is no news to the workflow. */
const settledAfterMs = 30_000;
/** Each report is 4 history events; a flapping camera may cost no more than one a minute. */
const betweenReportsMs = 60_000;
const tickMs = 5_000;

/**
 * Reports a recording's settled state to its workflow while the session runs. Postgres has the state at once; the
 * workflow has it for Temporal's UI and the search attributes.
 * @returns a function that ends it
 */
export function createReporter(
  deps: { report: ReportToWorkflow; log: Logger; now: () => number; recorder: { hostId: string } },
  request: { cameraId: string; knownState: CameraState; knownReason: string | null },
  recording: Recording,
): () => void {
  let known = `${request.knownState} ${request.knownReason ?? ''}`;
  let seen = known;
  let seenSinceMs = deps.now();
  let reportedAtMs = Number.NEGATIVE_INFINITY;

  const look = (): void => {
    const { state, reason } = recording.progress();
    const nowMs = deps.now();
    const current = `${state} ${reason ?? ''}`;
    if (current !== seen) {
      seen = current;
      seenSinceMs = nowMs;
    }
    if (current === known || nowMs - seenSinceMs < settledAfterMs || nowMs - reportedAtMs < betweenReportsMs) return;
    reportedAtMs = nowMs;
    deps.report(request.cameraId, { state, reason, hostId: deps.recorder.hostId }).then(
      () => {
        known = current;
      },
      (error: unknown) =>
        deps.log.warn({ cameraId: request.cameraId, cause: errorText(error) }, 'state not reported, tried again'),
    );
  };
  const timer = setInterval(look, tickMs);
  return () => clearInterval(timer);
}

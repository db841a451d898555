import { gapReasons } from '../domain/gap-reason.ts';
import { preferSubstream } from '../domain/profile-decision.ts';
import { AppError } from '../errors.ts';
import { probeStream, type StreamInfo } from '../media/ffprobe.ts';
import { ffmpegTimeoutMs } from './camera-run.ts';
import type { Failure } from './failure.ts';
import type { Assignment } from './journal.ts';
import type { RecordingDeps } from './recording-deps.ts';

type Substream = NonNullable<Assignment['substream']>;

type Probed = { stream: StreamInfo } | { failure: Failure };

/** Asks a camera what it sends. */
export type Probe = (signal: AbortSignal) => Promise<Probed>;

/**
 * Asks through a dialer of its own; later SDP tells. Of two streams the second one is tried first, and recorded where its
 * profile can keep it as it is; the assignment keeps what was decided. Where it refuses the login, the main one is what
 * the next try asks.
 */
export function createProbe(deps: RecordingDeps, assignment: Assignment): Probe {
  const { cameraId } = assignment;
  /** What the second stream answered, where that was that it refuses the login, until the next try. */
  let refused: { failure: Failure } | null = null;

  async function ofTwo(substream: Substream, signal: AbortSignal): Promise<Probed> {
    const before = refused;
    refused = null;
    const second = before ?? (await probeCamera(deps, 'substream', signal));
    // Most often the login is that of both. A camera locks it after five or so bad tries, so each try makes one.
    if (before === null && 'failure' in second && second.failure.reason === 'auth') {
      refused = second;
      return second;
    }
    const { use, reason } =
      'failure' in second
        ? { use: 'main', reason: `The substream gives no picture: ${second.failure.reason}.` }
        : preferSubstream(substream.profile, { ...second.stream, keyDistanceMs: null });
    if (use === 'substream') substream.use = true;
    const probed = use === 'substream' ? second : await probeCamera(deps, 'main', signal);
    // A camera that answers on neither decides nothing.
    if (use === 'main' && 'stream' in probed) substream.use = false;
    deps.log.info({ cameraId, use, reason }, 'stream chosen');
    deps.journal();
    return probed;
  }

  return async (signal) => {
    const { substream } = assignment;
    const isDecided = substream === null || substream.use === false;
    const probed = isDecided ? await probeCamera(deps, 'main', signal) : await ofTwo(substream, signal);
    if ('stream' in probed) deps.writes.stream(probed.stream);
    return probed;
  };
}

/** A second stream that was taken away decides it anew. @returns whether it did */
export function forgetSubstream(assignment: Assignment, failure: Failure): boolean {
  if (assignment.substream?.use !== true) return false;
  if (failure.reason !== 'not-found' && failure.reason !== 'bad-stream') return false;
  assignment.substream.use = null;
  assignment.stream = null;
  return true;
}

async function probeCamera(deps: RecordingDeps, which: 'main' | 'substream', signal: AbortSignal): Promise<Probed> {
  const dialer = await deps.openDialer(which);
  try {
    return {
      stream: await probeStream({ binary: deps.ffprobe, url: dialer.url, timeoutMs: ffmpegTimeoutMs, signal }),
    };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    // The dialer saw errno and status; ffprobe only what was left of them.
    const dialed = dialer.failure();
    const reason = gapReasons.find((one) => one === error.details?.['reason']) ?? 'unknown';
    return { failure: dialed ?? { reason, detail: error.message } };
  } finally {
    await dialer.close();
  }
}

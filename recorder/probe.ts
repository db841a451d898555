import { gapReasons } from '../domain/gap-reason.ts';
import { AppError } from '../errors.ts';
import { probeStream, type StreamInfo } from '../media/ffprobe.ts';
import { ffmpegTimeoutMs } from './camera-run.ts';
import type { Failure } from './failure.ts';
import type { RecordingDeps } from './recording-deps.ts';

/** Asks the camera once what it sends, through a dialer of its own; later SDP tells. */
export async function probeCamera(
  deps: RecordingDeps,
  signal: AbortSignal,
): Promise<{ stream: StreamInfo } | { failure: Failure }> {
  const dialer = await deps.openDialer();
  try {
    const stream = await probeStream({ binary: deps.ffprobe, url: dialer.url, timeoutMs: ffmpegTimeoutMs, signal });
    deps.writes.stream(stream);
    return { stream };
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

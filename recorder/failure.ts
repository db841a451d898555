import type { GapReason } from '../domain/gap-reason.ts';
import { classifyStderr } from '../media/ffmpeg-errors.ts';
import type { FfmpegExit } from '../media/ffmpeg.ts';
import type { Dialer } from './dialer/dialer.ts';

/** Why there is no footage; `detail` is redacted. */
export interface Failure {
  reason: GapReason;
  detail: string;
  /** Nothing but a person cures it, and each try costs: it is tried seldom. */
  needsPerson?: true;
}

/**
 * The cause of an exit that nobody asked for; each is a failure, also with code 0. The dialer knows best, then
 * ffmpeg's words, then the mere fact. A signal comes of this host: its kernel's want of memory, a crash, somebody.
 */
export function failureOfExit(dialer: Dialer, stderr: readonly string[], exit: FfmpegExit, hadFrame: boolean): Failure {
  if (exit.error !== null) return { reason: 'unknown', detail: `ffmpeg: ${exit.error.message}` };
  const dialed = dialer.failure();
  if (dialed !== null) return dialed;
  if (exit.signal !== null) return { reason: 'host-lost', detail: `ffmpeg was ended by ${exit.signal} on this host.` };
  const said = classifyStderr(stderr);
  if (said !== null) return { reason: said.reason, detail: said.line };
  const how = `exit code ${exit.code ?? 'unknown'}`;
  return hadFrame
    ? { reason: 'closed', detail: `The stream ended (${how}).` }
    : { reason: 'no-media', detail: `The stream ended before its first picture (${how}).` };
}

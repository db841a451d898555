import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GapReason } from '../domain/gap-reason.ts';
import type { SanityLimits } from '../domain/segment.ts';
import { errorText } from '../errors.ts';
import type { Logger } from '../log.ts';
import { recordArguments } from '../media/ffmpeg-arguments.ts';
import { classifyStderr } from '../media/ffmpeg-errors.ts';
import { startFfmpeg, type FfmpegExit } from '../media/ffmpeg.ts';
import { firstTfdt } from '../media/mp4-index.ts';
import type { Spool } from '../storage/spool.ts';
import type { Dialer } from './dialer/dialer.ts';
import type { Failpoint } from './failpoint.ts';
import type { Assignment } from './journal.ts';
import { createParameterWatch } from './parameter-watch.ts';
import type { Quarantine } from './quarantine.ts';
import { createRunFiles, type ClosedFile } from './run-files.ts';
import { writeRunRecord, type RunRecord } from './run-record.ts';
import { createStallWatch, stallLimitMs } from './stall-watch.ts';

/** ffmpeg notices a stall after twice this, so 10 s; pauses up to 8 s are survived. */
export const ffmpegTimeoutMs = 5000;
const tickMs = 200;
/** The open file is looked at this often once it runs: growth comes each second. */
const watchMs = 1000;

export interface Failure {
  reason: GapReason;
  /** Redacted. */
  detail: string;
}

export interface RunEnd {
  /** Null: it was asked to end, or the camera sends another codec than expected and a new run follows at once. */
  failure: Failure | null;
  /** What SDP said; null where there was none. */
  stream: Assignment['stream'];
  /** Wall end of its footage; null = none. */
  lastEndMs: number | null;
  footageMs: number;
}

export interface CameraRunOptions {
  assignment: Assignment;
  /** What is expected of the stream. */
  stream: NonNullable<Assignment['stream']>;
  openDialer: () => Promise<Dialer>;
  ffmpeg: string;
  segmentSeconds: number;
  spool: Spool;
  quarantine: Quarantine;
  limits: SanityLimits;
  notBeforeMs: () => number | null;
  /** Aborted to end the run in order. */
  signal: AbortSignal;
  /** Why this host must stop recording it; null = nothing speaks against it. */
  refusal: () => Failure | null;
  now: () => number;
  log: Logger;
  failpoint: Failpoint;
  onFirstFrame: (atMs: number) => void;
  /** Something was written. */
  onProgress: () => void;
  onClosed: (file: ClosedFile) => void;
}

/**
 * One connection to a camera: dialer, ffmpeg, files, until it ends for whatever cause. All its files are closed when
 * it resolves. Rejects only where this host is at fault (disk, missing ffmpeg).
 */
export async function runCamera(options: CameraRunOptions): Promise<RunEnd> {
  const { assignment, spool, now, log } = options;
  const { cameraId } = assignment;
  const run = `${now()}-${randomBytes(3).toString('hex')}`;
  const dir = await spool.openRun(cameraId, run);
  const dialer = await options.openDialer();
  try {
    const record: RunRecord = { epoch: assignment.epoch, clock: null, pid: null, placed: null };
    await writeRunRecord(dir, record);
    const stall = createStallWatch(dir, now());
    const parameters = createParameterWatch();
    let cause: Failure | null = null;
    const causeNow = (): Failure | null => cause;
    const files = createRunFiles({
      cameraId,
      dir,
      record,
      notBeforeMs: options.notBeforeMs,
      limits: options.limits,
      close: (file, closedName) => spool.close({ cameraId, run, name: file }, closedName),
      quarantine: options.quarantine,
      onClosed: (file) => options.onClosed(file),
      onError: (error) => {
        log.error({ cameraId, err: error }, 'a finished file stays in the spool until the next salvage');
        cause ??= { reason: 'storage-down', detail: errorText(error) };
      },
      log,
      failpoint: options.failpoint,
    });
    const ffmpeg = startFfmpeg({
      binary: options.ffmpeg,
      args: recordArguments({
        url: dialer.url,
        dir,
        segmentSeconds: options.segmentSeconds,
        codec: options.stream.codec,
        audio: assignment.audio,
        audioCodec: options.stream.audioCodec,
        timeoutMs: ffmpegTimeoutMs,
      }),
      onListLine: (line) => {
        stall.listed(line.file);
        options.onProgress();
        files.listed(line.file, now());
      },
      onStderr: (line) => log.debug({ cameraId, line }, 'ffmpeg'),
    });
    files.started(ffmpeg.pid ?? null);
    let exit: FfmpegExit | null = null;
    const exitNow = (): FfmpegExit | null => exit;
    const exited = ffmpeg.exited.then((how) => {
      exit = how;
    });
    let isOther = false;
    let hasMedia = false;
    let hasFrame = false;
    let watchedMs = 0;
    while (exitNow() === null) {
      await Promise.race([exited, sleep(tickMs)]);
      if (exitNow() !== null || options.signal.aborted) break;
      const firstMediaMs = dialer.firstMediaMs();
      if (firstMediaMs !== null && !hasMedia) {
        hasMedia = true;
        files.start(firstMediaMs);
      }
      isOther = !sameStream(options.stream, streamOf(dialer), assignment.audio);
      cause ??= options.refusal();
      if (isOther || cause !== null) break;
      if (hasFrame && now() - watchedMs < watchMs) continue;
      watchedMs = now();
      const growths = stall.growths();
      const quietMs = await stall.quietMs(watchedMs);
      if (stall.growths() !== growths) options.onProgress();
      if (!hasFrame && (await firstTfdt(stall.openPath())) !== null) {
        hasFrame = true;
        options.onFirstFrame(firstMediaMs ?? now());
      }
      if (quietMs > stallLimitMs) {
        cause ??= hasFrame
          ? { reason: 'stalled', detail: `No new fragment for ${Math.round(quietMs / 1000)} s.` }
          : { reason: 'no-media', detail: `No picture within ${Math.round(quietMs / 1000)} s.` };
      }
      if (hasFrame && (await parameters.changed(stall.openPath(), watchedMs))) {
        cause ??= { reason: 'bad-stream', detail: 'The camera changed its parameter sets (size or profile).' };
      }
    }
    const wasAsked = exitNow() === null && causeNow() === null;
    const lastExit = await ffmpeg.stop();
    const firstMediaMs = dialer.firstMediaMs();
    if (firstMediaMs !== null) files.start(firstMediaMs);
    await files.finish();
    if (!hasFrame && files.footageMs() > 0) options.onFirstFrame(firstMediaMs ?? now());
    return {
      failure: wasAsked ? null : (causeNow() ?? failureOf(dialer, ffmpeg.stderr(), lastExit, hasFrame)),
      stream: streamOf(dialer),
      lastEndMs: files.lastEndMs(),
      footageMs: files.footageMs(),
    };
  } finally {
    await dialer.close();
  }
}

function streamOf(dialer: Dialer): Assignment['stream'] {
  const description = dialer.description();
  return description === null || description.video === null
    ? null
    : { codec: description.video, audioCodec: description.audio };
}

/** Whether ffmpeg's arguments fit what the camera describes. */
function sameStream(
  expected: NonNullable<Assignment['stream']>,
  described: Assignment['stream'],
  audio: Assignment['audio'],
): boolean {
  if (described === null) return true;
  if (described.codec !== expected.codec) return false;
  return audio === 'none' || described.audioCodec === expected.audioCodec;
}

/** The dialer knows best; then ffmpeg's words; then the mere fact: every exit that nobody asked for is a failure. */
function failureOf(dialer: Dialer, stderr: readonly string[], exit: FfmpegExit, hadFrame: boolean): Failure {
  if (exit.error !== null) return { reason: 'unknown', detail: `ffmpeg: ${exit.error.message}` };
  const dialed = dialer.failure();
  if (dialed !== null) return dialed;
  const said = classifyStderr(stderr);
  if (said !== null) return { reason: said.reason, detail: said.line };
  const how = exit.signal === null ? `exit code ${exit.code ?? 'unknown'}` : exit.signal;
  return hadFrame
    ? { reason: 'closed', detail: `The stream ended (${how}).` }
    : { reason: 'no-media', detail: `The stream ended before its first picture (${how}).` };
}

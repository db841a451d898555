import { randomBytes } from 'node:crypto';
import type { SanityLimits } from '../domain/segment.ts';
import { earliestStart, type Archive } from '../domain/wall-clock.ts';
import { errorText } from '../errors.ts';
import type { Logger } from '../log.ts';
import { recordArguments } from '../media/ffmpeg-arguments.ts';
import { startFfmpeg, type Ffmpeg } from '../media/ffmpeg.ts';
import { Mp4Error } from '../media/mp4-boxes.ts';
import type { Spool } from '../storage/spool.ts';
import type { Dialer } from './dialer/dialer.ts';
import { failureOfExit, type Failure } from './failure.ts';
import type { Failpoint } from './failpoint.ts';
import type { Assignment } from './journal.ts';
import { createRunFiles, type ClosedFile, type PutAside, type RunFiles } from './run-files.ts';
import { writeRunRecord, type RunRecord } from './run-record.ts';
import { runName } from './run-time.ts';
import { judgeSound, type RunEnd } from './run-end.ts';
import { createRunWatch, describedStream, type FirstFrame, type RunWatch } from './run-watch.ts';
import { steadyNowMs } from './steady-clock.ts';

/** ffmpeg notices a stall after twice this, so 10 s; pauses up to 8 s are survived. */
export const ffmpegTimeoutMs = 5000;
const startTickMs = 200;
/** Once it records: its end and the wish to end it are told of at once, all else that is looked for takes seconds to show. */
const tickMs = 1000;

export interface CameraRunOptions {
  assignment: Assignment;
  /** What is expected of the stream. */
  stream: NonNullable<Assignment['stream']>;
  /** What is kept of the sound. */
  audio: Assignment['audio'];
  openDialer: () => Promise<Dialer>;
  ffmpeg: string;
  segmentSeconds: number;
  maxKbps: number;
  spool: Spool;
  quarantine: PutAside;
  limits: SanityLimits;
  /** What this recorder has placed before. */
  archive: () => Archive;
  /** Aborted to end the run in order. */
  signal: AbortSignal;
  /** Why this host must stop recording it; null = nothing speaks against it. */
  refusal: () => Failure | null;
  now: () => number;
  log: Logger;
  failpoint: Failpoint;
  /** @param startMs where it lies in the archive, at least */
  onFirstFrame: (first: FirstFrame, startMs: number) => void;
  /** Something was written. */
  onProgress: () => void;
  /** @param seenMs when its end was seen, by a clock that is never set; null = nobody saw it */
  onClosed: (file: ClosedFile, seenMs: number | null) => void;
  /** The run has ended, and some of its files could not be closed. */
  onLeft: (run: string) => void;
}

/**
 * One connection to a camera: dialer, ffmpeg, files, until it ends for whatever cause. All its files are closed when
 * it resolves, but for those that `onLeft` tells of. Rejects only where this host is at fault (disk, ports).
 */
export async function runCamera(options: CameraRunOptions): Promise<RunEnd> {
  const { assignment, spool, now } = options;
  const { cameraId, epoch } = assignment;
  const run = runName(now(), randomBytes(3).toString('hex'));
  const dir = await spool.openRun(cameraId, run);
  let isLeft = true;
  let dialer: Dialer | null = null;
  try {
    dialer = await options.openDialer();
    const record: RunRecord = { epoch, clock: null, pid: null, placed: null };
    await writeRunRecord(dir, record);
    let startMs: number | null = null;
    const notBeforeMs = (): number | null => startMs ?? options.archive().lastEndMs;
    const begin = (arrivalMs: number): void => {
      const first = { arrivalMs, steadyMs: steadyNowMs() - (now() - arrivalMs) };
      startMs ??= earliestStart(options.archive(), first);
      files.start(first);
    };
    const firstFrame = (first: FirstFrame): void => {
      options.onFirstFrame(first, Math.max(first.atMs, notBeforeMs() ?? first.atMs));
    };
    let filesFailure: Failure | null = null;
    const fail = (failure: Failure): void => {
      filesFailure ??= failure;
    };
    const files = createRunFiles({
      ...options,
      cameraId,
      dir,
      record,
      epoch: () => assignment.epoch,
      notBeforeMs,
      close: (file, closedName) => spool.close({ cameraId, run, name: file }, closedName),
      onClosed(file, index, seenMs) {
        watch.closed(file.path, index);
        options.onClosed(file, seenMs);
      },
      onError(error) {
        options.log.error({ cameraId, err: error }, 'a finished file could not be closed; tried again');
        fail({ reason: 'storage-down', detail: errorText(error) });
      },
      onRunaway: () =>
        fail({
          reason: 'bad-stream',
          detail: 'The picture times run ahead of the clock; the camera set its clock back.',
        }),
    });
    const watch = createRunWatch({
      dir,
      dialer,
      expected: options.stream,
      audio: options.audio,
      maxKbps: options.maxKbps,
      now,
      onFirstPacket: begin,
      onFirstFrame: firstFrame,
      onGrowth: options.onProgress,
    });
    const ffmpeg = startRun(options, dir, dialer, files, watch);
    files.started(ffmpeg.pid ?? null);
    const end = await supervise(options, ffmpeg, watch, () => filesFailure);
    const exit = await ffmpeg.stop();

    const firstMediaMs = dialer.firstMediaMs();
    if (firstMediaMs !== null) begin(firstMediaMs);
    isLeft = !(await files.finish());
    if (!watch.hasFrame() && files.footageMs() > 0)
      firstFrame({ atMs: firstMediaMs ?? now(), keySha256: await watch.closedKey() });
    const cause = end === 'exited' ? failureOfExit(dialer, ffmpeg.stderr(), exit, watch.hasFrame()) : end;
    // ffmpeg writes no picture before it has understood the sound; one that is killed says nothing of either.
    const mayBlameSound =
      options.audio !== 'none' &&
      !watch.hasFrame() &&
      firstMediaMs !== null &&
      dialer.failure() === null &&
      exit.signal === null;
    return { stream: describedStream(dialer), footageMs: files.footageMs(), ...judgeSound(cause, mayBlameSound) };
  } finally {
    await dialer?.close();
    if (isLeft) options.onLeft(run);
  }
}

/** A file that cannot be read as one, or not at all, ends the run as any failure does: in order, its files closed. */
async function lookAt(watch: RunWatch): ReturnType<RunWatch['look']> {
  try {
    return await watch.look();
  } catch (error) {
    const reason = error instanceof Mp4Error ? 'bad-stream' : 'storage-down';
    return { reason, detail: `The file being recorded cannot be read: ${errorText(error)}` };
  }
}

function startRun(options: CameraRunOptions, dir: string, dialer: Dialer, files: RunFiles, watch: RunWatch): Ffmpeg {
  const { assignment, stream, now, log } = options;
  return startFfmpeg({
    binary: options.ffmpeg,
    args: recordArguments({
      url: dialer.url,
      dir,
      segmentSeconds: options.segmentSeconds,
      codec: stream.codec,
      audio: options.audio,
      audioCodec: stream.audioCodec,
      timeoutMs: ffmpegTimeoutMs,
    }),
    onListLine: ({ file }) => {
      watch.listed(file);
      options.onProgress();
      files.listed(file, now());
    },
    onStderr: (line) => {
      watch.said(line);
      log.debug({ cameraId: assignment.cameraId, line }, 'ffmpeg');
    },
  });
}

/**
 * Waits for the end of a run. @returns why it must end; null = asked to, or another codec; `exited` = by itself;
 * `no-sound` = there is none
 */
async function supervise(
  options: CameraRunOptions,
  ffmpeg: Ffmpeg,
  watch: RunWatch,
  filesFailure: () => Failure | null,
): Promise<Failure | 'exited' | 'no-sound' | null> {
  const { signal } = options;
  let hasExited = false;
  let wake = (): void => undefined;
  void ffmpeg.exited.then(() => {
    hasExited = true;
    wake();
  });
  const onAbort = (): void => wake();
  signal.addEventListener('abort', onAbort);
  try {
    for (;;) {
      // No race with `exited`: what waits for a promise that settles in hours is kept until then.
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, watch.hasFrame() ? tickMs : startTickMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
        if (signal.aborted || hasExited) wake();
      });
      if (signal.aborted) return null;
      if (hasExited) return 'exited';
      const found = options.refusal() ?? filesFailure() ?? (await lookAt(watch));
      if (found === 'other-stream') return null;
      if (found !== null) return found;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { CameraState } from '../domain/camera.ts';
import { stateAfterFailure } from '../domain/camera-state.ts';
import { healthyRunMs } from '../domain/retry.ts';
import { followArchive, offsetToKeep, type Archive } from '../domain/wall-clock.ts';
import { errorText } from '../errors.ts';
import { runCamera } from './camera-run.ts';
import type { Failure } from './failure.ts';
import type { Assignment } from './journal.ts';
import { createKeptSound } from './kept-sound.ts';
import { createProbe, forgetSubstream } from './probe.ts';
import type { RecordingDeps } from './recording-deps.ts';
import type { RunEnd } from './run-end.ts';
import type { FirstFrame } from './run-watch.ts';
import { bootId, steadyNowMs } from './steady-clock.ts';

export type RecordingEnd = 'unwanted' | 'reconfigure' | 'superseded' | 'stopped';

export interface RecordingProgress {
  /** Grows while the recording does its work: with each fragment, and with time while it waits for a camera. */
  count: number;
  /** End of the newest finished footage, ms since 1970; null = none yet. */
  lastSegmentEndMs: number | null;
  state: CameraState;
  /** A gap reason, while there is no footage. */
  reason: string | null;
}

/** One camera recorded by this process, whatever the camera does. */
export interface Recording {
  readonly cameraId: string;
  /** Its fence in the catalogue. */
  readonly epoch: number;
  progress(): RecordingProgress;
  /** Writes its state again, after the catalogue was told something else of the camera. */
  announce(): void;
  /** Why it ended; faults of the camera never end it. All its files are closed by then. */
  ended: Promise<RecordingEnd>;
  /** Ends it in order; the first reason wins. Resolves when its last file is closed. */
  stop(reason: RecordingEnd): Promise<void>;
}

/** An older recording sees within a second that it is to let go, and a camera frees its place within some more. */
const maxRoomAsked = 8;

/**
 * Starts to record: connects, records, and after any fault waits and connects again, until it is stopped.
 * @param options.assignment journalled already; kept up to date in place
 * @param options.lastEndMs end of this host's older footage of the camera; nothing is placed before it
 * @param options.announces false where another host still records it: the camera's state is that one's until then
 */
export function startRecording(
  deps: RecordingDeps,
  options: { assignment: Assignment; lastEndMs: Promise<number | null>; announces: boolean },
): Recording {
  const { assignment } = options;
  const { cameraId } = assignment;
  const { log, claims, now } = deps;
  const stopping = new AbortController();
  let endReason: RecordingEnd | null = null;
  let attempts = 0;
  let roomAsked = 0;
  let hadFrame = false;
  const sound = createKeptSound(() => assignment.audio);
  const probe = createProbe(deps, assignment);
  let lastEndMs: number | null = null;
  const boot = bootId();
  if (assignment.archiveClock?.bootId !== boot) assignment.archiveClock = null;
  let offsetsMs: Archive['offsetsMs'] = assignment.archiveClock === null ? [] : [assignment.archiveClock.offsetMs];
  let state: CameraState = 'connecting';
  let reason: string | null = null;
  /** Whether this recording tells of its camera; until it does, the host that still records does. */
  let isTold = options.announces;
  let count = 0;
  /** Since when nobody expects fragments, so that time itself is progress. */
  let waitingSinceMs: number | null = steadyNowMs();

  function show(next: CameraState, why: string | null): void {
    isTold = true;
    state = next;
    reason = why;
    deps.writes.state(next, why, now());
  }

  function waits(isWaiting: boolean): void {
    if (waitingSinceMs !== null) count += ticks(steadyNowMs() - waitingSinceMs);
    waitingSinceMs = isWaiting ? steadyNowMs() : null;
  }

  function firstFrame(first: FirstFrame, startMs: number): void {
    waits(false);
    hadFrame = true;
    count += 1;
    deps.writes.recording(assignment.epoch, first);
    claims.recovered(startMs);
    show('recording', null);
  }

  function learn(stream: Assignment['stream']): void {
    if (stream === null || JSON.stringify(stream) === JSON.stringify(assignment.stream)) return;
    assignment.stream = stream;
    deps.journal();
  }

  function follow(seenMs: number): void {
    ({ offsetsMs } = followArchive({ lastEndMs, offsetsMs }, seenMs));
    const offsetMs = offsetToKeep(offsetsMs, assignment.archiveClock?.offsetMs ?? null);
    if (offsetMs === null || boot === null) return;
    assignment.archiveClock = { bootId: boot, offsetMs };
    deps.journal();
  }

  /** One try. @returns the failure, or null when the next one is to follow at once */
  async function attempt(): Promise<{ failure: Failure | null; footageMs: number }> {
    const refusal = deps.refusal();
    if (refusal !== null) return { failure: refusal, footageMs: 0 };
    if (assignment.stream === null) {
      const probed = await probe(stopping.signal);
      if ('failure' in probed) return { failure: probed.failure, footageMs: 0 };
      learn({ codec: probed.stream.codec, audioCodec: probed.stream.audioCodec });
    }
    const stream = assignment.stream ?? { codec: 'h264' as const, audioCodec: null };
    const end: RunEnd = await runCamera({
      assignment,
      stream,
      audio: sound.audio(stream),
      openDialer: deps.openDialer,
      ffmpeg: deps.ffmpeg,
      segmentSeconds: deps.segmentSeconds,
      maxKbps: deps.cameraMaxKbps,
      spool: deps.spool,
      quarantine: deps.quarantine,
      limits: deps.limits,
      archive: () => ({ lastEndMs, offsetsMs }),
      signal: stopping.signal,
      refusal: deps.refusal,
      now,
      log,
      failpoint: deps.failpoint,
      onFirstFrame: firstFrame,
      onProgress: () => {
        count += 1;
      },
      onClosed: (file, seenMs) => {
        lastEndMs = Math.max(lastEndMs ?? 0, file.name.startMs + file.name.durationMs);
        if (seenMs !== null) follow(seenMs);
        deps.onClosed(file);
      },
      onLeft: deps.onLeft,
    });
    learn(end.stream);
    if (end.badSound !== null) await leaveOutSound(end.badSound, end.failure === null);
    return end;
  }

  /** The break that this takes is told of, as each is. */
  async function leaveOutSound(detail: string, isToTell: boolean): Promise<void> {
    sound.failed();
    log.warn({ cameraId, detail }, 'sound left out');
    if (isToTell && (isTold || !(await deps.isRecordedByOlder()))) {
      claims.failed({ reason: 'no-media', detail, atMs: now() }, lastEndMs);
    }
  }

  /** Another host still records: while that is asked to let go, nothing is missing and the state stays its. */
  async function asksForRoom(failure: Failure): Promise<boolean> {
    if (options.announces || hadFrame || failure.reason !== 'camera-busy' || roomAsked >= maxRoomAsked) return false;
    roomAsked += 1;
    log.info({ cameraId, ...failure, roomAsked }, 'the camera is held by an older recording, which is asked to let go');
    deps.writes.oneClient(assignment.epoch);
    await pause(deps.backoffMs(failure.reason, 1, deps.random));
    return true;
  }

  const pause = (ms: number): Promise<void> => sleep(ms, undefined, { signal: stopping.signal }).catch(() => undefined);

  async function failed(failure: Failure, footageMs: number): Promise<void> {
    if (await asksForRoom(failure)) return;
    attempts = footageMs >= healthyRunMs && failure.needsPerson !== true ? 1 : attempts + 1;
    if (forgetSubstream(assignment, failure)) deps.journal();
    const waitMs = deps.backoffMs(failure.reason, attempts, deps.random, failure.needsPerson);
    // Once an outage: the gap's evidence counts the tries.
    log[attempts === 1 ? 'warn' : 'info']({ cameraId, ...failure, attempts, waitMs }, 'no footage');
    // Nothing is missing while the other host records: told of as lost, its real losses would be explained by this.
    if (isTold || !(await deps.isRecordedByOlder())) {
      claims.failed({ ...failure, atMs: now() }, lastEndMs);
      show(stateAfterFailure(failure.reason, attempts), failure.reason);
    }
    await pause(waitMs);
  }

  async function run(): Promise<RecordingEnd> {
    if (options.announces) show('connecting', null);
    let switches = 0;
    while (!stopping.signal.aborted) {
      let result: { failure: Failure | null; footageMs: number };
      try {
        result = await attempt();
      } catch (error) {
        // This host's fault (no disk, no ffmpeg): the camera is tried again all the same, for disks come back.
        log.error({ cameraId, err: error }, 'recording failed on this host');
        result = { failure: { reason: 'storage-down', detail: errorText(error) }, footageMs: 0 };
      }
      waits(true);
      if (stopping.signal.aborted) break;
      switches = result.failure === null ? switches + 1 : 0;
      // A camera that describes itself differently each time would be tried without a pause.
      const failure =
        switches > 2
          ? ({ reason: 'bad-stream', detail: 'The camera changes its codec at every connection.' } as const)
          : result.failure;
      if (failure !== null) await failed(failure, result.footageMs);
    }
    return endReason ?? 'stopped';
  }

  void options.lastEndMs.then((endMs) => {
    if (endMs !== null) lastEndMs = Math.max(lastEndMs ?? 0, endMs);
  });
  const ended = run();
  return {
    cameraId,
    get epoch() {
      return assignment.epoch;
    },
    progress: () => ({
      count: count + (waitingSinceMs === null ? 0 : ticks(steadyNowMs() - waitingSinceMs)),
      lastSegmentEndMs: lastEndMs,
      state,
      reason,
    }),
    announce() {
      if (!isTold) return;
      deps.writes.state(state, reason, now());
      if (state === 'recording') claims.recovered(now());
    },
    ended,
    async stop(why) {
      endReason ??= why;
      stopping.abort();
      await ended;
    },
  };
}

/** A tick a second. */
function ticks(ms: number): number {
  return Math.max(0, Math.floor(ms / 1000));
}

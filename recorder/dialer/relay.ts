import type { Socket } from 'node:net';
import type { CameraUrl } from '../../domain/camera-url.ts';
import type { Logger } from '../../log.ts';
import { placeOf, type CameraConnection } from './connect.ts';
import { createConversation } from './conversation.ts';
import { connectionFailure, errorCode, failure, type Failure } from './failure.ts';
import { createFraming } from './framing.ts';
import { createPump } from './pump.ts';
import { createRateLimit } from './rate-limit.ts';
import type { StreamDescription } from './session-description.ts';
import { readBufferBytes } from './socket-reads.ts';

const nowMs = (): number => performance.now();
const seconds = (ms: number): string => (ms / 1000).toFixed(1);

/** One ffmpeg and one camera, both connected. */
export interface Relay {
  description(): StreamDescription | null;
  /** Ms since 1970 at the first video packet. */
  firstMediaMs(): number | null;
  /** Ms since the newest packet of sound; null before it. */
  soundAgoMs(): number | null;
  bytes(): number;
  /** Monotonic ms of the camera's last byte. */
  lastByteMs(): number;
  /** Ends both connections; the camera is told, so that its session is free at once. */
  end(): void;
}

/** ffmpeg that leaves after this silence left because of it (its own -timeout is 5 s). */
const silenceAtLeaveMs = 2000;
/** How often silence is looked for. */
const watchMs = 500;

/**
 * Relays between the two until either ends.
 * @param options.fail called with each cause; the first is the one that counts
 * @param options.ended called once when the camera's socket is closed
 */
export function startRelay(options: {
  camera: CameraUrl;
  localUrl: string;
  ffmpeg: Socket;
  /** What ffmpeg has sent already. */
  early: Buffer[];
  connection: CameraConnection;
  stallMs: number;
  maxBytesPerSecond: number;
  log: Logger;
  now: () => number;
  fail: (failure: Failure) => void;
}): Relay {
  const { camera, ffmpeg, stallMs } = options;
  const { socket } = options.connection;
  const place = placeOf(camera);
  const toFfmpeg = createPump(socket, ffmpeg, nowMs);
  const toCamera = createPump(ffmpeg, socket, nowMs);
  const rateLimit = createRateLimit(options.maxBytesPerSecond, nowMs());
  let bytes = 0;
  let lastByteMs = nowMs();
  let lastVideoMs: number | null = null;
  let firstMediaMs: number | null = null;
  let lastSoundMs: number | null = null;
  let isEnding = false;
  /** Frames of ffmpeg (receiver reports) leave whole, so that a hidden retry never falls into one. */
  let halfFrame: Buffer[] = [];

  function fail(cause: Failure): void {
    if (isEnding) return;
    options.fail(cause);
    // After the answer that belongs to the cause has been written.
    queueMicrotask(end);
  }

  const conversation = createConversation({
    camera,
    localUrl: options.localUrl,
    nowMs,
    toCamera: (message) => toCamera.write(message),
    toFfmpeg: (message) => toFfmpeg.write(message),
    fail,
  });

  const fromCamera = createFraming({
    frame: (channel) => {
      const kind = conversation.kindOf(channel);
      if (kind === 'audio') lastSoundMs = nowMs();
      if (kind !== 'video') return;
      firstMediaMs ??= options.now();
      lastVideoMs = nowMs();
    },
    frameBytes: (part) => toFfmpeg.write(part),
    message: (message) => conversation.fromCamera(message),
    isExpected: (channel) => conversation.isChannel(channel),
    skipped: (skippedBytes) => options.log.debug({ skippedBytes }, 'skipped bytes between packets'),
    garbage: (problem) => fail(failure('bad-stream', `${place} is no RTSP camera: ${problem}.`)),
  });
  const fromFfmpeg = createFraming({
    frame: () => undefined,
    frameBytes: (part, whole) => {
      halfFrame.push(part);
      if (!whole) return;
      for (const piece of halfFrame) toCamera.write(piece);
      halfFrame = [];
    },
    message: (message) => {
      // ffmpeg says goodbye also when it has given up on a silent camera.
      if (message.kind === 'request' && message.method === 'TEARDOWN') noteSilence();
      conversation.fromFfmpeg(message);
    },
    garbage: () => end(),
  });

  function silence(limitMs: number): Failure | null {
    const readingSinceMs = toFfmpeg.readingSinceMs();
    if (readingSinceMs === null) return null; // not the camera is silent, we do not listen
    const idleSince = (ms: number): number => nowMs() - Math.max(ms, readingSinceMs);
    const waiting = conversation.waitingFor();
    const playingSinceMs = conversation.playingSinceMs();
    if (waiting !== null && idleSince(waiting.sentAtMs) >= limitMs) {
      const forSeconds = seconds(nowMs() - waiting.sentAtMs);
      return failure(
        'no-media',
        `${place} accepted the connection but did not answer ${waiting.method} for ${forSeconds} s.`,
      );
    }
    if (playingSinceMs !== null && lastVideoMs === null && idleSince(playingSinceMs) >= limitMs) {
      return failure(
        'no-media',
        `${place} agreed to play but sent no video for ${seconds(nowMs() - playingSinceMs)} s.`,
      );
    }
    if (lastVideoMs !== null && idleSince(lastVideoMs) >= limitMs) {
      return failure('stalled', `${place} stopped sending video ${seconds(nowMs() - lastVideoMs)} s ago.`);
    }
    return null;
  }

  /** ffmpeg leaves: was it because of the camera's silence? */
  function noteSilence(): void {
    const cause = isEnding || conversation.hasEnded() ? null : silence(Math.min(silenceAtLeaveMs, stallMs / 2));
    if (cause !== null) options.fail(cause);
  }

  const watch = setInterval(
    () => {
      const cause = silence(stallMs);
      if (cause !== null) fail(cause);
    },
    Math.min(watchMs, stallMs / 4),
  );

  function onCameraGone(code: string | null): void {
    if (conversation.hasEnded()) return end();
    if (code !== null) return fail(connectionFailure(code, place, lastVideoMs !== null));
    const halfMessage = fromCamera.heldBytes() > 0 ? ' in the middle of a message' : '';
    const when = conversation.description() === null ? ' before it described a stream' : '';
    fail(failure('closed', `${place} closed the connection${halfMessage || when}.`));
  }

  function end(): void {
    if (isEnding) return;
    isEnding = true;
    clearInterval(watch);
    fromCamera.stop();
    fromFfmpeg.stop();
    const farewell = conversation.farewell();
    if (farewell !== null && socket.writable) socket.write(farewell);
    toFfmpeg.stop();
    toCamera.stop();
    // Both send what is written and then close, whether or not the other side agrees.
    ffmpeg.destroySoon();
    socket.destroySoon();
  }

  options.connection.onBytes((chunk) => {
    bytes += chunk.length;
    lastByteMs = nowMs();
    // Of what is not written at once each read would hold a whole buffer, however little it is.
    const isBehind = ffmpeg.writableLength > 0;
    fromCamera.push(isBehind ? Buffer.from(chunk) : chunk);
    const pauseMs = rateLimit.take(chunk.length, lastByteMs);
    if (pauseMs > 0) toFfmpeg.pauseFor(pauseMs);
    // After a full read more waits already.
    if (lastVideoMs !== null && chunk.length < readBufferBytes) toFfmpeg.gather();
    return !isBehind && (fromCamera.heldBytes() > 0 || ffmpeg.writableLength > 0);
  });
  socket.on('end', () => onCameraGone(null));
  socket.on('error', (error) => onCameraGone(errorCode(error)));
  socket.on('close', () => onCameraGone(null));
  ffmpeg.on('data', (chunk: Buffer) => fromFfmpeg.push(chunk));
  ffmpeg.on('close', () => {
    noteSilence();
    end();
  });
  for (const chunk of options.early) fromFfmpeg.push(chunk);
  socket.resume();
  ffmpeg.resume();

  return {
    description: () => conversation.description(),
    firstMediaMs: () => firstMediaMs,
    soundAgoMs: () => (lastSoundMs === null ? null : nowMs() - lastSoundMs),
    bytes: () => bytes,
    lastByteMs: () => lastByteMs,
    end,
  };
}

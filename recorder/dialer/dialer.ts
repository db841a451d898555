import { randomBytes } from 'node:crypto';
import { createServer, type Socket } from 'node:net';
import { parseCameraUrl } from '../../domain/camera-url.ts';
import type { Logger } from '../../log.ts';
import type { AddressPolicy } from '../../security/address-policy.ts';
import { connectCamera, placeOf, resolveHost, type Certificate, type Connected, type Resolve } from './connect.ts';
import { failure, type Failure } from './failure.ts';
import { startRelay, type Relay } from './relay.ts';
import type { StreamDescription } from './session-description.ts';

/** Stands between one camera and one ffmpeg (or ffprobe). */
export interface Dialer {
  /** What ffmpeg opens; says nothing of the camera. */
  url: string;
  /** What the camera offers, from its answer to DESCRIBE; null before it. */
  description(): StreamDescription | null;
  /** Ms since 1970 at the first video RTP packet; null before it. */
  firstMediaMs(): number | null;
  /** Ms since the newest packet of sound; null before it. */
  soundAgoMs(): number | null;
  /** Bytes the camera sent. */
  bytes(): number;
  /** Ms since the camera's last byte; before the first one, since its connection or since the dialer was opened. */
  lastByteAgoMs(): number;
  /** The first cause of the end, null while there is none or when ffmpeg ended by itself. */
  failure(): Failure | null;
  /** What the camera showed on rtsps. */
  certificate(): Certificate | null;
  /** Ends everything at once; resolves when the port and both connections are closed. */
  close(): Promise<void>;
}

/** Below ffmpeg's own -timeout of 5 s, above the second repetition of a lost SYN (3 s). */
const defaultConnectTimeoutMs = 4500;
/** ffmpeg that leaves after so long without a camera left because of it. */
const noCameraMs = 2000;
/** As long as ffmpeg itself waits (twice its -timeout of 5 s); pauses up to 8 s are known to be survived. */
const defaultStallMs = 10_000;
/** ffmpeg's first request takes 100 bytes; who sends more than this before an answer is no ffmpeg. */
const maxEarlyBytes = 65_536;
/** A write counts against this until the next tick: Node's 16 KiB would pause the camera at each read. */
const relayBufferBytes = 1024 * 1024;

/**
 * Opens a port on 127.0.0.1 for exactly one ffmpeg; the camera is connected to when ffmpeg comes.
 * Faults of the camera never reject: they end ffmpeg's connection and stand in `failure()`.
 * @param options.url the camera's URL with its login
 * @param options.networks where cameras may be
 * @param options.maxBytesPerSecond bandwidth cap; none when left out
 * @param options.stallMs silence that counts as a failure: no answer, no video after PLAY, no more video
 * @throws CameraUrlError when the URL cannot be read
 */
export async function openDialer(options: {
  url: string;
  networks: AddressPolicy;
  log: Logger;
  connectTimeoutMs?: number;
  maxBytesPerSecond?: number;
  stallMs?: number;
  resolve?: Resolve;
  /** Default: the host's clock. */
  now?: () => number;
}): Promise<Dialer> {
  const camera = parseCameraUrl(options.url);
  const log = options.log.child({ camera: camera.redactedUrl });
  const abort = new AbortController();
  const sockets = new Set<Socket>();
  let firstFailure: Failure | null = null;
  let certificate: Certificate | null = null;
  let relay: Relay | null = null;
  let isTaken = false;
  const openedMs = performance.now();

  const server = createServer({ noDelay: true, highWaterMark: relayBufferBytes }, (ffmpeg) => {
    if (isTaken || abort.signal.aborted) {
      ffmpeg.destroy();
      return;
    }
    isTaken = true;
    server.close(); // later connections are refused by the kernel
    track(ffmpeg);
    serve(ffmpeg).catch((error: unknown) => {
      // Of no known cause; one camera must not end the process that records the others.
      log.error({ err: error }, 'dialing failed');
      fail(failure('unknown', 'Dialing the camera failed inside the recorder.'));
      ffmpeg.destroy();
    });
  });

  function track(socket: Socket): void {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // The close event that follows is what is acted upon.
    socket.on('error', (error) => log.debug({ err: error }, 'connection error'));
  }

  function fail(cause: Failure): void {
    if (firstFailure !== null || abort.signal.aborted) return;
    firstFailure = cause;
    log.debug(cause, 'camera connection failed');
  }

  /** Connects to the camera while ffmpeg waits, and stops when ffmpeg has waited enough. */
  async function connectFor(ffmpeg: Socket): Promise<Connected & { early: Buffer[] }> {
    const startedMs = performance.now();
    const attempt = new AbortController();
    const early: Buffer[] = [];
    // Read, or its leaving would go unseen; it sends one request and waits for the answer.
    let earlyBytes = 0;
    const onData = (bytes: Buffer): void => {
      early.push(bytes);
      earlyBytes += bytes.length;
      if (earlyBytes > maxEarlyBytes) ffmpeg.destroy();
    };
    const onClose = (): void => {
      const waitedMs = performance.now() - startedMs;
      if (waitedMs >= noCameraMs) {
        fail(
          failure('unreachable', `${placeOf(camera)} accepted no connection for ${(waitedMs / 1000).toFixed(1)} s.`),
        );
      }
      attempt.abort();
    };
    const onAbort = (): void => attempt.abort();
    ffmpeg.on('data', onData);
    ffmpeg.on('close', onClose);
    abort.signal.addEventListener('abort', onAbort);
    const connected = await connectCamera({
      camera,
      networks: options.networks,
      resolve: options.resolve ?? resolveHost,
      timeoutMs: options.connectTimeoutMs ?? defaultConnectTimeoutMs,
      signal: attempt.signal,
    });
    ffmpeg.pause();
    ffmpeg.off('data', onData);
    ffmpeg.off('close', onClose);
    abort.signal.removeEventListener('abort', onAbort);
    return { ...connected, early };
  }

  async function serve(ffmpeg: Socket): Promise<void> {
    const connected = await connectFor(ffmpeg);
    if ('failure' in connected) {
      if (!ffmpeg.destroyed) fail(connected.failure);
      ffmpeg.destroy();
      return;
    }
    const { socket } = connected;
    if (abort.signal.aborted || ffmpeg.destroyed) {
      socket.destroy();
      return;
    }
    track(socket);
    certificate = connected.certificate;
    if (certificate !== null) log.info({ certificate }, 'camera connected over TLS');
    relay = startRelay({
      camera,
      localUrl: url,
      ffmpeg,
      early: connected.early,
      connection: connected,
      stallMs: options.stallMs ?? defaultStallMs,
      maxBytesPerSecond: options.maxBytesPerSecond ?? Infinity,
      log,
      now: options.now ?? Date.now,
      fail,
    });
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The dialer has no port.');
  // The path is known to ffmpeg only, so that no other local program can use the camera by guessing a port.
  const url = `rtsp://127.0.0.1:${address.port}/${randomBytes(8).toString('hex')}`;

  return {
    url,
    description: () => relay?.description() ?? null,
    firstMediaMs: () => relay?.firstMediaMs() ?? null,
    soundAgoMs: () => relay?.soundAgoMs() ?? null,
    bytes: () => relay?.bytes() ?? 0,
    lastByteAgoMs: () => performance.now() - (relay?.lastByteMs() ?? openedMs),
    failure: () => firstFailure,
    certificate: () => certificate,
    close: async () => {
      abort.abort();
      relay?.end();
      if (server.listening) server.close();
      await Promise.all([...sockets].map(closed));
    },
  };
}

/** How long a peer that does not read may hold up the end; the goodbye is one packet and normally gone at once. */
const closeGraceMs = 250;

async function closed(socket: Socket): Promise<void> {
  if (socket.closed) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => socket.destroy(), closeGraceMs);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    socket.destroySoon();
  });
}

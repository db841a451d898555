import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { isFaultyRequest, type Fault } from './faults.ts';
import type { Gate } from './login.ts';
import { createRequestReader, response, streamPath, trackOf, type RtspRequest } from './rtsp-messages.ts';
import { describe } from './sdp.ts';
import { createSender, createTrack, type SentFrame, type Track } from './sender.ts';
import type { Source } from './source.ts';
import type { Stream } from './streams.ts';

/** What a connection needs of its camera. */
export interface SessionCamera {
  gate: Gate | null;
  fault: (path: string) => Fault;
  /** null = no such path. */
  stream: (path: string) => Stream | null;
  played: (path: string) => void;
  /** Whether as many clients play as the camera takes. */
  full: () => boolean;
  hangs: () => boolean;
  clockMs: () => number;
  loginRefused: () => void;
  received: (request: RtspRequest, path: string, client: number) => void;
  sent: (frame: SentFrame) => void;
  startAt: 'key' | 'any';
  sessionTimeoutSeconds: number;
  publicMethods: string;
  maxQueuedBytes: number;
}

/** One client's connection. */
export interface Session {
  client: number;
  path: () => string;
  playing: () => boolean;
}

const garbage = Buffer.from(Array.from({ length: 512 }, (_, index) => 0x80 | ((index * 37) & 0x7f)));

/** Serves one connection until it ends. */
export function serve(socket: Socket, client: number, camera: SessionCamera): Session {
  const reader = createRequestReader();
  const id = randomBytes(4).toString('hex').toUpperCase();
  let path = '';
  let stream: Stream | null = null;
  let source: Source | null = null;
  let sender: { stop(): void } | null = null;
  let staleSent = false;
  const tracks: [Track | null, Track | null] = [null, null];
  let endTimer: NodeJS.Timeout | null = null;
  let idleTimer: NodeJS.Timeout | null = null;

  const fault = (): Fault => camera.fault(path);

  function reply(status: number, request: RtspRequest, headers: Record<string, string> = {}, body = ''): void {
    const session = tracks.some((track) => track !== null)
      ? { Session: `${id};timeout=${camera.sessionTimeoutSeconds}` }
      : {};
    socket.write(response(status, request.headers['cseq'], { ...session, ...headers }, body));
  }

  /** Cameras end sessions without keep-alive; half a timeout more is granted. */
  function keepAlive(): void {
    if (idleTimer !== null) clearTimeout(idleTimer);
    idleTimer = setTimeout(() => socket.destroy(), camera.sessionTimeoutSeconds * 1500);
  }

  function handle(request: RtspRequest): void {
    const named = streamPath(request.url);
    if (camera.stream(named) !== null || !['SETUP', 'PLAY', 'TEARDOWN'].includes(request.method)) path = named;
    camera.received(request, path, client);
    keepAlive();
    if (camera.hangs() || fault().silent === true) return;
    if (fault().closeAt === 'request') return void socket.destroy();
    if (fault().answer === 'http') return void socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
    if (fault().answer === 'garbage') return void socket.end(garbage);
    const isKeepAlive = sender !== null && ['OPTIONS', 'GET_PARAMETER', 'SET_PARAMETER'].includes(request.method);
    if (!admitted(request, isKeepAlive)) return;
    const kind = isKeepAlive ? 'keep-alive' : request.method;
    const status = isFaultyRequest(kind) ? fault().status?.[kind] : undefined;
    if (status !== undefined) return reply(status, request);
    answer(request);
  }

  /** Checks the login; a 401 is sent where it is not right. */
  function admitted(request: RtspRequest, isKeepAlive: boolean): boolean {
    if (camera.gate === null || (request.method === 'OPTIONS' && !isKeepAlive)) return true;
    if (isKeepAlive && fault().staleNonce === true && !staleSent) {
      camera.gate.renewNonce();
      staleSent = true;
    }
    const verdict = camera.gate.check(request.method, request.headers['authorization']);
    if (verdict === 'ok') return true;
    if (verdict === 'wrong') camera.loginRefused();
    reply(401, request, { 'WWW-Authenticate': camera.gate.challenge(verdict === 'stale') });
    return false;
  }

  function answer(request: RtspRequest): void {
    switch (request.method) {
      case 'OPTIONS':
        return reply(200, request, { Public: camera.publicMethods });
      case 'DESCRIBE':
        return answerDescribe(request);
      case 'SETUP':
        return answerSetup(request);
      case 'PLAY':
        return answerPlay(request);
      case 'PAUSE':
      case 'GET_PARAMETER':
      case 'SET_PARAMETER':
        return reply(200, request);
      case 'TEARDOWN':
        reply(200, request);
        socket.end();
        return;
      default:
        return reply(501, request);
    }
  }

  function answerDescribe(request: RtspRequest): void {
    const { redirectTo } = fault();
    if (redirectTo !== undefined) return reply(302, request, { Location: redirectTo });
    stream = camera.stream(path);
    if (stream === null) return reply(404, request);
    if (camera.full()) return reply(453, request);
    const headers = { 'Content-Type': 'application/sdp', 'Content-Base': `${request.url.replace(/\/$/, '')}/` };
    reply(200, request, headers, describe(stream.loop(), stream.audio));
  }

  function answerSetup(request: RtspRequest): void {
    stream = camera.stream(path);
    const track = trackOf(request.url);
    if (stream === null || track > (stream.audio === null ? 0 : 1)) return reply(404, request);
    const transport = request.headers['transport'] ?? '';
    if (!transport.includes('RTP/AVP/TCP')) return reply(461, request);
    const channel = Number(/interleaved=(\d+)/.exec(transport)?.[1] ?? 2 * track);
    const made = createTrack(channel);
    tracks[track] = made;
    const ssrc = made.ssrc.toString(16).padStart(8, '0').toUpperCase();
    reply(200, request, {
      Transport: `RTP/AVP/TCP;unicast;interleaved=${channel}-${channel + 1};ssrc=${ssrc};mode="PLAY"`,
    });
  }

  function answerPlay(request: RtspRequest): void {
    const [video, audio] = tracks;
    if (stream === null || (video === null && audio === null)) return reply(454, request);
    if (sender !== null) return reply(200, request);
    source = stream.source();
    const base = request.url.replace(/\/$/, '');
    const now = source.timestamps();
    const info = [
      ...(video === null ? [] : [`url=${base}/trackID=0;seq=${video.sequence};rtptime=${now.video}`]),
      ...(audio === null ? [] : [`url=${base}/trackID=1;seq=${audio.sequence};rtptime=${now.audio}`]),
    ];
    reply(200, request, { Range: 'npt=now-', 'RTP-Info': info.join(',') });
    const playedPath = path;
    const sent = (frame: Omit<SentFrame, 'path' | 'client'>): void =>
      camera.sent({ path: playedPath, client, ...frame });
    const { startAt, maxQueuedBytes, hangs, clockMs } = camera;
    sender = createSender({ socket, source, fault, video, audio, startAt, hangs, clockMs, sent, maxQueuedBytes });
    const { endAfterMs, endBy } = fault();
    if (endAfterMs !== undefined) endTimer = setTimeout(() => end(socket, endBy ?? 'eof'), endAfterMs);
    camera.played(path);
  }

  socket.setNoDelay(true);
  socket.on('data', (bytes: Buffer) => {
    try {
      for (const request of reader.read(bytes)) handle(request);
    } catch (error) {
      socket.destroy(error instanceof Error ? error : undefined);
    }
  });
  socket.on('error', () => socket.destroy()); // a client may leave as it likes
  socket.on('close', () => {
    sender?.stop();
    if (source !== null) stream?.release(source);
    for (const timer of [endTimer, idleTimer]) if (timer !== null) clearTimeout(timer);
  });
  keepAlive();
  return { client, path: () => path, playing: () => sender !== null };
}

/** Ends a connection by FIN after what is queued, or by RST at once. */
export function end(socket: Socket, by: 'eof' | 'rst'): void {
  if (by === 'rst') socket.resetAndDestroy();
  else socket.end(() => socket.destroy());
}

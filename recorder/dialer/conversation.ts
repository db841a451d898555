import type { CameraUrl } from '../../domain/camera-url.ts';
import { createAuthenticator } from './authentication.ts';
import { failure, statusFailure, type Failure } from './failure.ts';
import { createLocalUris } from './local-uris.ts';
import {
  header,
  serialize,
  type Headers,
  type RtspMessage,
  type RtspRequest,
  type RtspResponse,
} from './rtsp-message.ts';
import { readSessionDescription, type StreamDescription } from './session-description.ts';

/** The RTSP talk of one session: requests of ffmpeg made the camera's, its answers made ffmpeg's. Knows no sockets. */
export interface Conversation {
  fromFfmpeg(message: RtspMessage): void;
  fromCamera(message: RtspMessage): void;
  description(): StreamDescription | null;
  /** What a channel carries, `video`, `audio`, `application`; undefined for reports and what no SETUP gave. */
  kindOf(channel: number): string | undefined;
  /** Whether a SETUP gave the channel to a stream or its reports. */
  isChannel(channel: number): boolean;
  /** The request whose answer a session cannot do without, while there is none. */
  waitingFor(): { method: string; sentAtMs: number } | null;
  /** When the camera agreed to play. */
  playingSinceMs(): number | null;
  hasEnded(): boolean;
  /** A TEARDOWN that frees the camera's session, where one is open. */
  farewell(): Buffer | null;
}

interface Pending {
  /** As the camera gets it, but for CSeq and Authorization. */
  request: RtspRequest;
  /** ffmpeg's own number; the camera sees ours, since hidden retries need numbers too. */
  ffmpegCseq: string;
  isAuthorized: boolean;
  retries: number;
  sentAtMs: number;
  /** For SETUP: which stream. */
  stream: number | null;
}

/** ffmpeg waits for each answer, but for keep-alives; more than these unanswered is no ffmpeg. */
const maxPending = 16;
/** Answers a session can do without: a refused keep-alive or TEARDOWN ends nothing. */
const optional = new Set(['GET_PARAMETER', 'SET_PARAMETER', 'TEARDOWN', 'PAUSE']);
/** Headers ffmpeg needs. Others (Location, WWW-Authenticate, Content-Base, Server) would only steer it elsewhere. */
const passed = new Set(['content-type', 'session', 'transport', 'range', 'public', 'rtp-info']);
/** What a camera may ask of us; anything else, REDIRECT above all, is not implemented. */
const answered = new Set(['OPTIONS', 'GET_PARAMETER', 'SET_PARAMETER', 'ANNOUNCE']);

export function createConversation(options: {
  camera: CameraUrl;
  localUrl: string;
  nowMs: () => number;
  toCamera: (bytes: Buffer) => void;
  toFfmpeg: (bytes: Buffer) => void;
  /** The session cannot go on; called before ffmpeg gets the answer. */
  fail: (failure: Failure) => void;
}): Conversation {
  const { camera, nowMs, fail } = options;
  const hasLogin = camera.user !== null;
  const authenticator =
    camera.user === null ? null : createAuthenticator({ user: camera.user, password: camera.password ?? '' });
  const uris = createLocalUris(options.localUrl, camera.requestUri);
  const pending = new Map<number, Pending>();
  const kindsByChannel = new Map<number, string>();
  const channels = new Set<number>();
  let kinds: string[] = [];
  let cseq = 0;
  let session: string | null = null;
  let description: StreamDescription | null = null;
  let playingSinceMs: number | null = null;
  let hasEnded = false;

  function fromFfmpeg(message: RtspMessage): void {
    if (message.kind === 'response') return;
    const ffmpegCseq = header(message.headers, 'cseq') ?? '0';
    const target = uris.toCamera(message.uri);
    if (target === null || pending.size >= maxPending) return answer(ffmpegCseq, 400, 'Bad Request');
    const headers = message.headers.filter(([name]) => !/^(?:cseq|(?:proxy-)?authorization)$/i.test(name));
    if (message.method === 'TEARDOWN') hasEnded = true;
    const request: RtspRequest = { ...message, uri: target.uri, headers };
    send({ request, ffmpegCseq, isAuthorized: false, retries: 0, sentAtMs: nowMs(), stream: target.stream });
  }

  function send(entry: Pending): void {
    cseq += 1;
    const authorization = authenticator?.authorize(entry.request.method, entry.request.uri) ?? null;
    entry.isAuthorized = authorization !== null;
    pending.set(cseq, entry);
    const headers: Headers = [['CSeq', String(cseq)], ...entry.request.headers];
    if (authorization !== null) headers.push(['Authorization', authorization]);
    options.toCamera(serialize({ ...entry.request, headers }));
  }

  function fromCamera(message: RtspMessage): void {
    if (message.kind === 'request') return answerCamera(message);
    if (message.status < 200) return; // "100 Continue": the answer is still to come
    const entry = takePending(header(message.headers, 'cseq'));
    if (entry === undefined) return;
    if (message.status === 401 && retryWithLogin(entry, message.headers)) return;
    if (message.status >= 300) return refused(entry, message);
    accepted(entry, message);
  }

  /** The request an answer belongs to; cameras that drop or mangle CSeq answer in order. */
  function takePending(value: string | null): Pending | undefined {
    const number = Number(value);
    const key = value !== null && pending.has(number) ? number : pending.keys().next().value;
    if (key === undefined) return undefined;
    const entry = pending.get(key);
    pending.delete(key);
    return entry;
  }

  /** Answers a challenge at most once, and once more only if the camera itself says that the nonce was stale. */
  function retryWithLogin(entry: Pending, headers: Headers): boolean {
    if (authenticator === null) return false;
    const values = headers.filter(([name]) => name.toLowerCase() === 'www-authenticate').map(([, value]) => value);
    const challenged = authenticator.challenge(values);
    if (challenged === 'unusable') return false;
    const isFirstWithLogin = !entry.isAuthorized;
    // A known nonce that is refused, or a fresh one right after an answer, means that the login is wrong.
    const isRenewed = challenged === 'stale' || (challenged === 'fresh' && entry.retries === 0);
    if (entry.retries >= 2 || !(isFirstWithLogin || isRenewed)) return false;
    send({ ...entry, retries: entry.retries + 1 });
    return true;
  }

  function refused(entry: Pending, message: RtspResponse): void {
    const { method } = entry.request;
    const isOptional = optional.has(method) || (method === 'OPTIONS' && playingSinceMs !== null);
    if (!isOptional) fail(statusFailure(message.status, method, hasLogin));
    // ffmpeg follows a redirect to any host, so it never sees one.
    if (message.status < 400) answer(entry.ffmpegCseq, 400, 'Bad Request');
    else answer(entry.ffmpegCseq, message.status, message.statusText);
  }

  function accepted(entry: Pending, message: RtspResponse): void {
    const { method, uri } = entry.request;
    session = header(message.headers, 'session')?.split(';')[0]?.trim() ?? session;
    // Other bodies say nothing that ffmpeg needs.
    let body = Buffer.alloc(0);
    if (method === 'DESCRIBE') {
      const base = header(message.headers, 'content-base') ?? header(message.headers, 'content-location');
      const described = describe(message.body.toString('latin1'), base === null || base === '' ? uri : base);
      if (described === null) return answer(entry.ffmpegCseq, 415, 'Unsupported Media Type');
      body = Buffer.from(described, 'latin1');
    }
    if (method === 'SETUP') noteChannel(entry.stream, header(message.headers, 'transport'));
    if (method === 'PLAY') playingSinceMs ??= nowMs();
    const headers = message.headers.flatMap(([name, value]): Headers => {
      if (!passed.has(name.toLowerCase())) return [];
      return [[name, name.toLowerCase() === 'rtp-info' ? uris.rewriteRtpInfo(value) : value]];
    });
    options.toFfmpeg(serialize({ ...message, headers: [['CSeq', entry.ffmpegCseq], ...headers], body }));
  }

  function describe(sdp: string, base: string): string | null {
    const found = readSessionDescription(sdp, base, uris.local);
    if (!found.kinds.includes('video')) {
      fail(failure('bad-stream', 'The camera offers no video stream.'));
      return null;
    }
    ({ description, kinds } = found);
    uris.learn(found.control, found.streamControls);
    return found.text;
  }

  function noteChannel(stream: number | null, transport: string | null): void {
    const [, channel, reports = channel] = /interleaved=(\d+)(?:-(\d+))?/i.exec(transport ?? '') ?? [];
    if (channel !== undefined) channels.add(Number(channel)).add(Number(reports));
    // A single stream may be set up by the session's own URI.
    const kind = stream === null ? 'video' : kinds[stream];
    if (channel !== undefined && kind !== undefined) kindsByChannel.set(Number(channel), kind);
  }

  function answer(ffmpegCseq: string, status: number, statusText: string): void {
    const headers: Headers = [['CSeq', ffmpegCseq]];
    options.toFfmpeg(serialize({ kind: 'response', status, statusText, headers, body: Buffer.alloc(0) }));
  }

  /** Cameras may send requests, which ffmpeg has no need to see. */
  function answerCamera(request: RtspRequest): void {
    const isKnown = answered.has(request.method);
    const headers: Headers = [['CSeq', header(request.headers, 'cseq') ?? '0']];
    const [status, statusText] = isKnown ? ([200, 'OK'] as const) : ([501, 'Not Implemented'] as const);
    options.toCamera(serialize({ kind: 'response', status, statusText, headers, body: Buffer.alloc(0) }));
  }

  return {
    fromFfmpeg,
    fromCamera,
    description: () => description,
    kindOf: (channel) => kindsByChannel.get(channel),
    isChannel: (channel) => channels.has(channel),
    waitingFor: () => {
      const entry = [...pending.values()].find(({ request }) => !optional.has(request.method));
      return entry === undefined || playingSinceMs !== null
        ? null
        : { method: entry.request.method, sentAtMs: entry.sentAtMs };
    },
    playingSinceMs: () => playingSinceMs,
    hasEnded: () => hasEnded,
    farewell: () => {
      if (session === null || hasEnded) return null;
      hasEnded = true;
      const uri = uris.cameraControl();
      const headers: Headers = [
        ['CSeq', String(cseq + 1)],
        ['Session', session],
      ];
      const authorization = authenticator?.authorize('TEARDOWN', uri) ?? null;
      if (authorization !== null) headers.push(['Authorization', authorization]);
      return serialize({ kind: 'request', method: 'TEARDOWN', uri, headers, body: Buffer.alloc(0) });
    },
  };
}

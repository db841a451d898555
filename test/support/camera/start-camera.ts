import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import type { Fault } from './faults.ts';
import type { LoopOptions } from './loop-arguments.ts';
import { createGate, type Login } from './login.ts';
import { loadLoop } from './loop.ts';
import type { RtspRequest } from './rtsp-messages.ts';
import type { SentFrame } from './sender.ts';
import { end, serve, type Session, type SessionCamera } from './session.ts';
import { loadStreams, type Stream, type StreamOptions } from './streams.ts';
import { createTimedFaults } from './timed-faults.ts';

export type { Fault } from './faults.ts';
export type { LoopOptions } from './loop-arguments.ts';
export type { SentFrame } from './sender.ts';
export type { StreamOptions } from './streams.ts';

export interface CameraOptions {
  /** Streams by path; default one H.264 stream at `/stream`. */
  streams?: Record<string, StreamOptions>;
  /** Faults by path; `*` is for all paths without one. A path with a fault but no stream has the first stream. */
  faults?: Record<string, Fault>;
  login?: Login;
  /** `shared` (default): one encoder a path for all clients. `per-client`: each client starts its own at picture 0. */
  clock?: 'shared' | 'per-client';
  /** Where a client's media starts: at the next key picture (default), or anywhere in the GOP. */
  startAt?: 'key' | 'any';
  /** With as many clients playing, the next one's DESCRIBE gets 453. */
  maxClients?: number;
  /** Told to clients; connections without any request for 1.5 times as long are closed. Default 60. */
  sessionTimeoutSeconds?: number;
  /** The answer to OPTIONS. Default: all of them. Without GET_PARAMETER ffmpeg keeps sessions alive by OPTIONS. */
  publicMethods?: string;
  port?: number;
  host?: string;
  ffmpeg?: string;
}

/** A request as it was received. */
export interface ReceivedRequest extends RtspRequest {
  path: string;
  client: number;
  atMs: number;
}

export interface SimulatedCamera {
  readonly port: number;
  /** The URL of a path (default: the first stream), with a login if given. */
  url(path?: string, login?: { user: string; password: string }): string;
  /** Pictures after which the counter in them starts again, and the rate. */
  loop(path?: string): { frames: number; fps: number };
  /** Connections open now. */
  connections(): { client: number; path: string; playing: boolean }[];
  /** Connections ever accepted. */
  accepted(): number;
  requests(): ReceivedRequest[];
  /** Requests with a wrong login; a first try without one does not count. */
  refusedLogins(): number;
  /** Every picture written to any client, oldest first (the last 200,000). */
  framesSent(): SentFrame[];
  /** The whole camera hangs: no media, no answers, also to new clients. Pictures of this time are lost. */
  stall(): void;
  resume(): void;
  /** Ends all connections; returns how many. */
  dropAll(by: 'eof' | 'rst'): number;
  /** Moves the camera's clock (RTP and RTCP time) for all clients. */
  jumpClock(ms: number): void;
  /** Sets or (null) removes the fault of a path, also for running sessions; default all paths without one (`*`). */
  setFault(fault: Fault | null, path?: string): void;
  /** Changes a stream (codec, size, ...) at its next key picture, without ending sessions. */
  changeStream(options: Partial<LoopOptions>, path?: string): Promise<void>;
  /** Stops listening: new connections are refused; those open go on. */
  refuse(): void;
  /** Listens again on the same port. */
  listen(): Promise<void>;
  close(): Promise<void>;
}

const allMethods = 'OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, GET_PARAMETER, SET_PARAMETER, TEARDOWN';
/** A client that lets this much queue up is dropped: 5 s of a 100 Mbit/s stream, which a busy machine may need. */
const maxQueuedBytes = 64 * 1024 * 1024;
const maxFramesKept = 200_000;

/** Starts a simulated RTSP camera on a free port of 127.0.0.1. */
export async function startCamera(options: CameraOptions = {}): Promise<SimulatedCamera> {
  const { ffmpeg = 'ffmpeg', host = '127.0.0.1', streams: wanted = { '/stream': {} } } = options;
  const firstPath = Object.keys(wanted)[0] ?? '/stream';
  const faults = new Map(Object.entries(options.faults ?? {}));
  const gate = options.login === undefined ? null : createGate(options.login);
  const sessions = new Map<Socket, Session>();
  const requests: ReceivedRequest[] = [];
  const frames: SentFrame[] = [];
  let accepted = 0;
  let refusedLogins = 0;
  let hangs = false;
  let clockMs = 0;

  const clock = { shared: options.clock !== 'per-client', ms: () => clockMs };
  const streams = await loadStreams({ streams: wanted, faults: options.faults ?? {}, clock, ffmpeg });
  const timed = createTimedFaults({ jump: (ms) => (clockMs += ms) });
  for (const { changeTo } of faults.values()) if (changeTo !== undefined) await loadLoop(changeTo, ffmpeg);

  const streamAt = (path: string): Stream | null => streams.get(path) ?? streams.get(path.replace(/\?.*$/, '')) ?? null;
  const stream = (path: string): Stream => {
    const found = streamAt(path);
    if (found === null) throw new Error(`the camera has no stream ${path}`);
    return found;
  };
  const fault = (path: string): Fault => faults.get(path) ?? faults.get('*') ?? {};
  const changeStream = async (loop: Partial<LoopOptions>, path = firstPath): Promise<void> =>
    stream(path).change(await loadLoop(loop, ffmpeg));

  const camera: SessionCamera = {
    gate,
    fault,
    stream: streamAt,
    played: (path) => timed.start(path, fault(path), changeStream),
    full: () => [...sessions.values()].filter((other) => other.playing()).length >= (options.maxClients ?? Infinity),
    hangs: () => hangs,
    clockMs: () => clockMs,
    loginRefused: () => void (refusedLogins += 1),
    received: (request, path, client) => void requests.push({ ...request, path, client, atMs: Date.now() }),
    sent(frame) {
      frames.push(frame);
      if (frames.length > 1.1 * maxFramesKept) frames.splice(0, frames.length - maxFramesKept);
    },
    startAt: options.startAt ?? 'key',
    sessionTimeoutSeconds: options.sessionTimeoutSeconds ?? 60,
    publicMethods: options.publicMethods ?? allMethods,
    maxQueuedBytes,
  };

  const server = createServer((socket) => {
    accepted += 1;
    if (faults.get('*')?.closeAt === 'accept') {
      socket.destroy();
      return;
    }
    sessions.set(socket, serve(socket, accepted, camera));
    socket.once('close', () => sessions.delete(socket));
  });

  async function listen(onPort: number): Promise<number> {
    server.listen(onPort, host);
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return address.port;
  }

  function refuse(): void {
    if (server.listening) server.close(); // its callback would wait for open connections, which may stay
  }

  const port = await listen(options.port ?? 0);

  return {
    port,
    url(path = firstPath, login) {
      const user =
        login === undefined ? '' : `${encodeURIComponent(login.user)}:${encodeURIComponent(login.password)}@`;
      return `rtsp://${user}${host}:${port}${path}`;
    },
    loop(path = firstPath) {
      const { frames: count, fps } = stream(path).loop().options;
      return { frames: count, fps };
    },
    connections: () =>
      [...sessions.values()].map((each) => ({ client: each.client, path: each.path(), playing: each.playing() })),
    accepted: () => accepted,
    requests: () => [...requests],
    refusedLogins: () => refusedLogins,
    framesSent: () => [...frames],
    stall: () => void (hangs = true),
    resume: () => void (hangs = false),
    dropAll(by) {
      const all = [...sessions.keys()];
      for (const socket of all) end(socket, by);
      return all.length;
    },
    jumpClock: (ms) => void (clockMs += ms),
    setFault(newFault, path = '*') {
      if (newFault === null) faults.delete(path);
      else faults.set(path, newFault);
    },
    changeStream,
    refuse,
    listen: async () => void (await listen(port)),
    async close() {
      timed.stop();
      const closed = server.listening ? once(server, 'close') : null;
      refuse();
      for (const socket of sessions.keys()) socket.destroy();
      for (const each of streams.values()) each.stop();
      await closed;
    },
  };
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { expect, onTestFinished } from 'vitest';
import { createLogger } from '../../../log.ts';
import { createAddressPolicy } from '../../../security/address-policy.ts';
import { openDialer, type Dialer } from '../../../recorder/dialer/dialer.ts';
import { startCamera, type CameraOptions, type SimulatedCamera } from '../../support/camera/start-camera.ts';

export const log = createLogger({ level: 'silent', name: 'test' });
export const loopback = createAddressPolicy({ allowed: ['127.0.0.0/8', '::1/128'], ownAddresses: [] });

/** What a test of a dialer works with; all is undone when it ends. Tests that run side by side hand in their own. */
export function dialingFor(onFinished: (undo: () => void | Promise<void>) => void): {
  dial: (url: string, options?: Partial<Parameters<typeof openDialer>[0]>) => Promise<Dialer>;
  camera: (options?: CameraOptions) => Promise<SimulatedCamera>;
  /** Runs ffmpeg as the recorder does, without the files; `pictures` are those that came out. */
  runFfmpeg: (
    url: string,
    options?: { seconds?: number; timeoutMs?: number; extra?: string[] },
  ) => Promise<{ code: number | null; pictures: number; stderr: string }>;
} {
  return {
    async dial(url, options = {}) {
      const dialer = await openDialer({ url, networks: loopback, log, ...options });
      onFinished(() => dialer.close());
      return dialer;
    },
    async camera(options = {}) {
      const started = await startCamera(options);
      onFinished(() => started.close());
      return started;
    },
    async runFfmpeg(url, { seconds = 2, timeoutMs = 20_000, extra = [] } = {}) {
      const input = ['-rtsp_transport', 'tcp', '-allowed_media_types', 'video', '-timeout', String(timeoutMs * 1000)];
      const args = ['-hide_banner', '-nostdin', '-nostats', ...input, '-protocol_whitelist', 'tcp,rtp', '-f', 'rtsp'];
      const output = ['-map', '0:v:0', '-c', 'copy', '-t', String(seconds), '-f', 'framecrc', '-'];
      const child = spawn('ffmpeg', [...args, ...extra, '-i', url, ...output], { stdio: ['ignore', 'pipe', 'pipe'] });
      onFinished(() => void child.kill('SIGKILL'));
      let stdout = '';
      let stderr = '';
      child.stdout.on('data', (bytes: Buffer) => (stdout += bytes.toString()));
      child.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
      await once(child, 'close');
      const pictures = stdout.split('\n').filter((line) => /^\d/.test(line)).length;
      return { code: child.exitCode, pictures, stderr };
    },
  };
}

export const { dial, camera, runFfmpeg } = dialingFor((undo) => onTestFinished(undo));

/** One request as a scripted camera got it. */
export interface Got {
  method: string;
  uri: string;
  text: string;
  header: (name: string) => string | undefined;
}

/** A camera that says what the script says; for answers no sane camera gives. */
export async function scriptedCamera(
  answer: (got: Got, socket: Socket) => string | Buffer | null,
): Promise<{ url: string; port: number; got: Got[] }> {
  const got: Got[] = [];
  const server = createServer((socket) => {
    let held = '';
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      held += bytes.toString('latin1');
      for (let end = held.indexOf('\r\n\r\n'); end !== -1; end = held.indexOf('\r\n\r\n')) {
        const text = held.slice(0, end);
        held = held.slice(end + 4);
        const [method = '', uri = ''] = text.split(' ');
        const header = (name: string): string | undefined =>
          new RegExp(`^${name}: (.*)$`, 'im').exec(text)?.[1]?.trim();
        const request = { method, uri, text, header };
        got.push(request);
        const answered = answer(request, socket);
        if (answered !== null) socket.write(answered);
      }
    });
    onTestFinished(() => void socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { url: `rtsp://127.0.0.1:${port}/a`, port, got };
}

export function reply(got: Got, status: string, headers: string[] = [], body = ''): string {
  const length = body === '' ? [] : [`Content-Length: ${body.length}`];
  return [`RTSP/1.0 ${status}`, `CSeq: ${got.header('CSeq')}`, ...headers, ...length, '', body].join('\r\n');
}

/** One H.264 stream. */
export const sdp = [
  'v=0',
  'o=- 0 0 IN IP4 0.0.0.0',
  's=x',
  't=0 0',
  'm=video 0 RTP/AVP 96',
  'a=rtpmap:96 H264/90000',
  'a=control:trackID=1',
  '',
].join('\r\n');

/** What a scripted camera answers that agrees to everything. */
export function agree(got: Got, port: number): string {
  if (got.method === 'DESCRIBE') return reply(got, '200 OK', [`Content-Base: rtsp://127.0.0.1:${port}/base/`], sdp);
  if (got.method === 'SETUP') {
    return reply(got, '200 OK', ['Session: 12345;timeout=60', 'Transport: RTP/AVP/TCP;unicast;interleaved=4-5']);
  }
  if (got.method === 'PLAY') {
    return reply(got, '200 OK', [`RTP-Info: url=trackID=1;seq=1;rtptime=2,url=rtsp://10.0.0.9/other;seq=3`]);
  }
  return reply(got, '200 OK', ['Public: OPTIONS, DESCRIBE', 'Server: RealServer', 'Location: rtsp://10.0.0.9/']);
}

/** A client in ffmpeg's place, one request at a time. */
export async function client(url: string): Promise<{
  ask: (method: string, uri?: string, headers?: string[]) => Promise<string>;
  closed: Promise<void>;
  socket: Socket;
  /** All that has come so far. */
  received: () => Buffer;
}> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  let all = Buffer.alloc(0);
  let wake: () => void = () => undefined;
  socket.on('error', () => undefined);
  socket.on('data', (bytes) => {
    all = Buffer.concat([all, bytes]);
    wake();
  });
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      wake();
      resolve();
    });
  });
  let cseq = 0;
  let read = 0;
  async function ask(method: string, uri = url, headers: string[] = []): Promise<string> {
    cseq += 1;
    socket.write([`${method} ${uri} RTSP/1.0`, `CSeq: ${cseq}`, ...headers, '', ''].join('\r\n'));
    for (;;) {
      const text = all.toString('latin1', read);
      const end = text.indexOf('\r\n\r\n');
      const length = Number(/^Content-Length: (\d+)/im.exec(text.slice(0, Math.max(0, end)))?.[1] ?? 0);
      if (end !== -1 && text.length >= end + 4 + length) {
        read += end + 4 + length;
        return text.slice(0, end + 4 + length);
      }
      if (socket.closed) return text;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
  return { ask, closed, socket, received: () => all };
}

export function expectFailure(dialer: Dialer, reason: string, detail: string | RegExp): void {
  expect(dialer.failure()?.reason).toBe(reason);
  expect(dialer.failure()?.detail).toMatch(detail);
}

/** Waits until the condition holds. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

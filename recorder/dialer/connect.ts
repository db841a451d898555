import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { lookup } from 'node:dns/promises';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { CameraUrl } from '../../domain/camera-url.ts';
import type { AddressPolicy } from '../../security/address-policy.ts';
import { connectFailure, errorCode, failure, type Failure } from './failure.ts';
import { createSocketReads } from './socket-reads.ts';

/** All addresses of a host name. Rejects with a system error whose `code` tells why. */
export type Resolve = (hostname: string) => Promise<string[]>;

/** What a camera showed on rtsps. Cameras sign their own, so an unverified one is accepted and only written down. */
export interface Certificate {
  sha256: string;
  isVerified: boolean;
}

export type Connected = CameraConnection | { failure: Failure };

export interface CameraConnection {
  socket: Socket;
  /**
   * Tells of all that is read. The socket's `data` event may stay away.
   * @param listener the bytes stay as they are until it returns; where it returns true, for ever
   */
  onBytes(listener: (bytes: Buffer) => boolean): void;
  certificate: Certificate | null;
}

export async function resolveHost(hostname: string): Promise<string[]> {
  return (await lookup(hostname, { all: true })).map(({ address }) => address);
}

/**
 * Connects to a camera. Every address its name has must pass the policy, and only a checked address is connected to, so
 * that a name cannot change between check and use.
 * @param options.timeoutMs for name, connection and TLS together
 * @param options.signal ends the attempt at once
 */
export async function connectCamera(options: {
  camera: CameraUrl;
  networks: AddressPolicy;
  resolve: Resolve;
  timeoutMs: number;
  signal: AbortSignal;
}): Promise<Connected> {
  // Own timers: in Node 20 what AbortSignal.any and .timeout make can be collected before it fires (seen: a hang).
  const limit = limitTo(options.timeoutMs, options.signal);
  try {
    return await connectWithin({ ...options, signal: limit.signal });
  } finally {
    limit.clear();
  }
}

async function connectWithin(options: Parameters<typeof connectCamera>[0]): Promise<Connected> {
  const { camera, networks, timeoutMs, signal } = options;
  const place = placeOf(camera);
  const late = failure('unreachable', `${place} did not accept a connection within ${timeoutMs / 1000} s.`);

  const found = await orAborted(resolveAll(options.resolve, camera.host), signal);
  if (found === 'aborted') {
    return {
      failure: failure('unreachable', `The name ${camera.host} could not be resolved within ${timeoutMs / 1000} s.`),
    };
  }
  if (typeof found === 'string') return { failure: connectFailure(found, `The name ${camera.host}`) };
  if (found.some((address) => !networks.allows(address, camera.port))) {
    return {
      failure: failure(
        'unreachable',
        `${place} has an address outside the networks cameras may be in (FRAMEKEEP_CAMERA_NETWORKS).`,
      ),
    };
  }
  let last = connectFailure('ENOTFOUND', `The name ${camera.host}`);
  for (const [index, address] of found.entries()) {
    // A dead address must leave time for the next one.
    const shareMs = Math.ceil(timeoutMs / found.length);
    const share = limitTo(shareMs, signal);
    // TLS reads the socket below it in its own way.
    const reads = camera.scheme === 'rtsps' ? null : createSocketReads();
    const onread = reads === null ? {} : { onread: reads.onread };
    const socket = connectTcp({ host: address, port: camera.port, noDelay: true, ...onread });
    const code = await ready(socket, 'connect', index === found.length - 1 ? signal : share.signal);
    share.clear();
    if (code === null)
      return reads === null ? secure(socket, camera, signal) : { socket, onBytes: reads.listen, certificate: null };
    socket.destroy();
    last = code === 'aborted' ? late : connectFailure(code, place);
    if (signal.aborted) break;
  }
  return { failure: last };
}

/** A signal that comes after this time, or with another one. */
function limitTo(ms: number, other: AbortSignal): { signal: AbortSignal; clear: () => void } {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  const timer = setTimeout(abort, ms);
  other.addEventListener('abort', abort);
  if (other.aborted) abort();
  return {
    signal: controller.signal,
    clear: () => {
      clearTimeout(timer);
      other.removeEventListener('abort', abort);
    },
  };
}

/** How messages name the camera: never its path or login. */
export function placeOf(camera: CameraUrl): string {
  return `The camera at ${camera.host.includes(':') ? `[${camera.host}]` : camera.host}:${camera.port}`;
}

async function secure(raw: Socket, camera: CameraUrl, signal: AbortSignal): Promise<Connected> {
  const socket: TLSSocket = connectTls({
    socket: raw,
    ...(isIP(camera.host) === 0 ? { servername: camera.host } : {}),
    // Cameras sign their own certificates and speak old TLS for ten years; both are accepted, the certificate is logged.
    rejectUnauthorized: false,
    minVersion: 'TLSv1',
    ciphers: 'DEFAULT@SECLEVEL=0',
  });
  const code = await ready(socket, 'secureConnect', signal);
  if (code !== null) {
    socket.destroy();
    raw.destroy();
    const why = code === 'aborted' ? 'no answer in time' : code;
    return { failure: failure('bad-stream', `${placeOf(camera)} accepted the connection but not TLS (${why}).`) };
  }
  const certificate = socket.getPeerCertificate();
  const onBytes: CameraConnection['onBytes'] = (listener) => socket.on('data', listener);
  return { socket, onBytes, certificate: { sha256: certificate.fingerprint256, isVerified: socket.authorized } };
}

/** Waits for the event; null when it came, else the error's code or `aborted`. */
async function ready(socket: Socket, event: 'connect' | 'secureConnect', signal: AbortSignal): Promise<string | null> {
  return new Promise((resolve) => {
    const done = (result: string | null): void => {
      socket.off(event, onReady);
      socket.off('error', onError);
      socket.off('close', onClose);
      signal.removeEventListener('abort', onAbort);
      // An error after this moment has no listener yet; without one it would end the process.
      if (result !== null) socket.on('error', () => undefined);
      resolve(result);
    };
    const onReady = (): void => done(null);
    const onError = (error: Error): void => done(errorCode(error));
    const onClose = (): void => done('ECONNRESET');
    const onAbort = (): void => done('aborted');
    socket.on(event, onReady);
    socket.on('error', onError);
    socket.on('close', onClose);
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
  });
}

async function resolveAll(resolve: Resolve, host: string): Promise<string[] | string> {
  if (isIP(host) !== 0) return [host];
  try {
    const addresses = await resolve(host);
    return addresses.length === 0 ? 'ENOTFOUND' : addresses;
  } catch (error) {
    return error instanceof Error ? errorCode(error) : 'EAI_FAIL';
  }
}

async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | 'aborted'> {
  if (signal.aborted) return 'aborted';
  return new Promise<T | 'aborted'>((resolve, reject) => {
    const onAbort = (): void => resolve('aborted');
    signal.addEventListener('abort', onAbort);
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

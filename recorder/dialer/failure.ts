import type { GapReason } from '../../domain/gap-reason.ts';
import { redact } from '../../domain/redact.ts';

/** Why a camera's connection failed; `detail` is one sentence without any login. */
export interface Failure {
  reason: GapReason;
  detail: string;
}

export function failure(reason: GapReason, detail: string): Failure {
  return { reason, detail: redact(detail) };
}

/** No way to the camera: routing, names, firewalls and the kernel's own connect limit. */
const unreachableCodes = new Set([
  'ENOTFOUND',
  'EAI_AGAIN',
  'EAI_FAIL',
  'EAI_NODATA',
  'ENODATA',
  'ESERVFAIL',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ETIMEDOUT',
  'EADDRNOTAVAIL',
  'EINVAL',
  'EACCES',
  'EPERM',
]);

/** The failure behind an error of resolving or connecting. */
export function connectFailure(code: string, place: string): Failure {
  if (code === 'ECONNREFUSED') return failure('refused', `${place} refused the connection (${code}).`);
  if (code === 'ECONNRESET' || code === 'EPIPE') return failure('closed', `${place} broke the connection (${code}).`);
  if (unreachableCodes.has(code)) return failure('unreachable', `${place} cannot be reached (${code}).`);
  // EMFILE, ENFILE, ENOBUFS and the like: this machine's fault, which is no reason of a camera.
  return failure('unknown', `Connecting to ${place} failed on this machine (${code}).`);
}

/** The failure behind an error of an established connection. */
export function connectionFailure(code: string, place: string, hadMedia: boolean): Failure {
  if (code === 'ETIMEDOUT' && hadMedia) return failure('stalled', `${place} stopped acknowledging data (${code}).`);
  if (code === 'ETIMEDOUT') return connectFailure(code, place);
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH') return connectFailure(code, place);
  return failure('closed', `${place} broke the connection (${code}).`);
}

/** The failure behind an RTSP status from 300 on that ends a session. */
export function statusFailure(status: number, method: string, hasLogin: boolean): Failure {
  const said = `The camera answered ${method} with ${status}`;
  if (status < 400) return failure('bad-stream', `${said}: it redirects to another address, which is refused.`);
  if (status === 401) {
    return failure(
      'auth',
      hasLogin
        ? `${said}: it refuses the login. Some cameras answer so too when they have too many connections or have locked the login for a while.`
        : `${said}: it wants a login and the camera's URL has none.`,
    );
  }
  if (status === 403) return failure('auth', `${said}: this login may not see the stream.`);
  if (status === 404) return failure('not-found', `${said}: it has no stream at this path.`);
  if (status === 453) return failure('camera-busy', `${said}: it has no room for another viewer.`);
  return failure('bad-stream', `${said}.`);
}

/** The code of a system error, or its name. */
export function errorCode(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

import { createHmac, timingSafeEqual } from 'node:crypto';
import { deriveKey } from './keys.ts';

/** Long enough for clocks that differ by some seconds, short enough to be worthless in a log. */
const lifetimeMs = 60_000;
const expiryBytes = 6;

export interface PortTokens {
  /** A bearer token for the internal port of one recorder, valid for a minute. */
  sign(hostId: string, nowMs: number): string;
  verify(token: string, hostId: string, nowMs: number): boolean;
}

/** Tokens with which our own processes open a recorder's internal port; nothing is stored. */
export function createPortTokens(secretKey: string): PortTokens {
  const key = deriveKey(secretKey, 'recorder-port');
  const macOf = (expiry: Buffer, hostId: string): Buffer =>
    createHmac('sha256', key).update(expiry).update(hostId).digest();
  return {
    sign(hostId, nowMs) {
      const expiry = Buffer.alloc(expiryBytes);
      expiry.writeUIntBE(nowMs + lifetimeMs, 0, expiryBytes);
      return Buffer.concat([expiry, macOf(expiry, hostId)]).toString('base64url');
    },
    verify(token, hostId, nowMs) {
      const bytes = Buffer.from(token, 'base64url');
      if (bytes.length !== expiryBytes + 32) return false;
      const expiry = bytes.subarray(0, expiryBytes);
      if (!timingSafeEqual(bytes.subarray(expiryBytes), macOf(expiry, hostId))) return false;
      const expiresAtMs = expiry.readUIntBE(0, expiryBytes);
      // The upper bound refuses tokens from a clock that runs far ahead: they would live too long.
      return nowMs < expiresAtMs && expiresAtMs <= nowMs + 2 * lifetimeMs;
    },
  };
}

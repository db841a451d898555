import { createHmac, timingSafeEqual } from 'node:crypto';
import { AppError } from '../errors.ts';
import { deriveKey } from './keys.ts';
import { uuidBytes, uuidText } from './uuid.ts';

/** What the bearer of a link may read: one camera's footage within a range, until it expires. */
interface LinkClaims {
  tenantId: string;
  cameraId: string;
  fromMs: number;
  toMs: number;
  /** Rounded up to whole seconds. */
  expiresAtMs: number;
}

export interface LinkSigner {
  /** A token of 91 characters that can stand in a path. */
  sign(claims: LinkClaims): string;
  /** @throws AppError link-invalid | link-expired */
  verify(token: string, nowMs: number): LinkClaims;
}

const version = 1;
/** version 1, tenant 16, camera 16, from 6, to 6 (ms), expiry 5 (s). */
const claimBytes = 50;
/** 128 bits: a forger has no more than the online tries the rate limit leaves. */
const macBytes = 16;
const tokenLength = Math.ceil(((claimBytes + macBytes) * 4) / 3);

/** Signs media links without storing them: HMAC-SHA256 over binary claims. */
export function createLinkSigner(secretKey: string): LinkSigner {
  const key = deriveKey(secretKey, 'links');
  const macOf = (claims: Buffer): Buffer => createHmac('sha256', key).update(claims).digest().subarray(0, macBytes);
  return {
    sign({ tenantId, cameraId, fromMs, toMs, expiresAtMs }) {
      const claims = Buffer.alloc(claimBytes);
      claims.writeUInt8(version, 0);
      uuidBytes(tenantId).copy(claims, 1);
      uuidBytes(cameraId).copy(claims, 17);
      claims.writeUIntBE(fromMs, 33, 6);
      claims.writeUIntBE(toMs, 39, 6);
      claims.writeUIntBE(Math.ceil(expiresAtMs / 1000), 45, 5);
      return Buffer.concat([claims, macOf(claims)]).toString('base64url');
    },
    verify(token, nowMs) {
      const bytes = Buffer.from(token, 'base64url');
      // Only the one spelling of these bytes is a token: base64url decoding would let others pass.
      if (token.length !== tokenLength || bytes.toString('base64url') !== token) throw invalid();
      const claims = bytes.subarray(0, claimBytes);
      if (!timingSafeEqual(bytes.subarray(claimBytes), macOf(claims))) throw invalid();
      if (claims.readUInt8(0) !== version) throw invalid();
      const expiresAtMs = claims.readUIntBE(45, 5) * 1000;
      if (nowMs >= expiresAtMs) throw new AppError('link-expired', 'This link has expired; ask for a new one.');
      return {
        tenantId: uuidText(claims.subarray(1, 17)),
        cameraId: uuidText(claims.subarray(17, 33)),
        fromMs: claims.readUIntBE(33, 6),
        toMs: claims.readUIntBE(39, 6),
        expiresAtMs,
      };
    },
  };
}

function invalid(): AppError {
  return new AppError('link-invalid', 'This link is not valid.');
}

import { createHash, randomBytes } from 'node:crypto';

/** A token for a session or an API key: 256 random bits, `fk_` and 43 characters. */
export function newToken(): string {
  return `fk_${randomBytes(32).toString('base64url')}`;
}

/** What is stored of a token. It is random, so a plain hash suffices, and looking it up by hash leaks nothing. */
export function sha256(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

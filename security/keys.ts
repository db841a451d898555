import { createHash, hkdfSync } from 'node:crypto';

/** What a subkey is for; each purpose has a key of its own, so that a leak of one opens nothing else. */
export type KeyPurpose = 'seal' | 'links' | 'recorder-port';

/** The 32-byte subkey of the installation's secret for a purpose (HKDF-SHA256). */
export function deriveKey(secretKey: string, purpose: KeyPurpose): Buffer {
  return Buffer.from(hkdfSync('sha256', secretKey, 'framekeep', purpose, 32));
}

/** A name for a key that tells nothing about it: 8 hex digits. */
export function keyId(key: Buffer): string {
  return createHash('sha256').update('framekeep key id').update(key).digest('hex').slice(0, 8);
}

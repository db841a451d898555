import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { AppError } from '../errors.ts';
import { deriveKey, keyId } from './keys.ts';

/** Seals what must not stand readable in the database. */
export interface Sealer {
  /** @param aad where the value belongs, such as `cameraUrlAad(id)`: it opens only there */
  seal(text: string, aad: string): string;
  /** @throws AppError internal: damaged, sealed for another place, or with a key that is not at hand */
  unseal(sealed: string, aad: string): string;
}

const nonceBytes = 12;
const tagBytes = 16;

/** Where a camera's URL belongs: a sealed value copied to another camera does not open there. */
export const cameraUrlAad = (cameraId: string): string => `camera|sealed_url|${cameraId}`;
/** The same for the URL of its second stream. */
export const substreamUrlAad = (cameraId: string): string => `camera|sealed_substream_url|${cameraId}`;

/**
 * `v1.<keyId>.<nonce>.<ciphertext and tag>`, AES-256-GCM. Nonces are random: at 2^32 values a key their chance to
 * repeat is 2^-33, and a camera's URL is sealed when it changes.
 * @param olderSecretKeys still opened, never sealed with: for a change of the secret
 */
export function createSealer(secretKey: string, olderSecretKeys: readonly string[] = []): Sealer {
  const key = deriveKey(secretKey, 'seal');
  const id = keyId(key);
  const keys = new Map([...olderSecretKeys.map((older) => deriveKey(older, 'seal')), key].map((k) => [keyId(k), k]));
  return {
    seal(text, aad) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(aad));
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      return `v1.${id}.${nonce.toString('base64url')}.${sealed.toString('base64url')}`;
    },
    unseal(sealed, aad) {
      const [version, usedId, nonceText, sealedText, ...more] = sealed.split('.');
      if (version !== 'v1' || usedId === undefined || nonceText === undefined || sealedText === undefined) {
        throw new AppError('internal', 'A sealed value is not in the form v1.<key>.<nonce>.<ciphertext>.');
      }
      const used = keys.get(usedId);
      if (used === undefined) {
        throw new AppError('internal', `A value was sealed with key ${usedId}; FRAMEKEEP_SECRET_KEY gives key ${id}.`);
      }
      const nonce = Buffer.from(nonceText, 'base64url');
      const bytes = Buffer.from(sealedText, 'base64url');
      if (more.length > 0 || nonce.length !== nonceBytes || bytes.length < tagBytes) {
        throw new AppError('internal', 'A sealed value is damaged.');
      }
      try {
        const decipher = createDecipheriv('aes-256-gcm', used, nonce, { authTagLength: tagBytes })
          .setAAD(Buffer.from(aad))
          .setAuthTag(bytes.subarray(-tagBytes));
        return Buffer.concat([decipher.update(bytes.subarray(0, -tagBytes)), decipher.final()]).toString('utf8');
      } catch (cause) {
        throw new AppError('internal', `A sealed value is damaged or does not belong to ${aad}.`, { cause });
      }
    },
  };
}

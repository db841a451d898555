import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { canonicalJson, isCanonical, type Canonical } from '../domain/canonical-json.ts';
import type { Sealer } from './seal.ts';

/** A key that signs certificates. */
export interface SigningKey {
  /** The first 32 hex digits of the public key's SHA-256. */
  id: string;
  /** 32 bytes. */
  publicKey: Buffer;
  /** PKCS #8 DER in base64; sealed wherever it is stored. */
  privateKey: string;
}

/** A signed document as it is handed out; `document` is signed in its canonical form. */
export interface SignedDocument {
  document: Canonical;
  signature: { algorithm: 'Ed25519'; keyId: string; publicKey: string; value: string };
}

/** A public key as it is published. */
export interface PublishedKey {
  id: string;
  /** Base64url of the 32 bytes. */
  publicKey: string;
}

/** Signatures are over this and the canonical document, so that none can stand for anything else. */
const domainSeparator = 'framekeep-signed-document/1\n';
/** What precedes the 32 bytes of an Ed25519 key in SubjectPublicKeyInfo (RFC 8410). */
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex');

/** A new key pair. */
export function newSigningKey(): SigningKey {
  const pair = generateKeyPairSync('ed25519');
  const publicKey = pair.publicKey.export({ format: 'der', type: 'spki' }).subarray(spkiPrefix.length);
  const privateKey = pair.privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64');
  return { id: signingKeyId(publicKey), publicKey, privateKey };
}

/** A new key pair with its private half sealed, as it is stored. */
export function newSealedKey(sealer: Sealer): { id: string; publicKey: Buffer; sealedPrivateKey: string } {
  const { id, publicKey, privateKey } = newSigningKey();
  return { id, publicKey, sealedPrivateKey: sealer.seal(privateKey, signingKeyAad(id)) };
}

/** Where a private key belongs in the database, for sealing. */
export const signingKeyAad = (keyId: string): string => `signing_key|sealed_private_key|${keyId}`;

/** Signs a document. */
export function signDocument(document: Canonical, key: SigningKey): SignedDocument {
  const privateKey = createPrivateKey({ key: Buffer.from(key.privateKey, 'base64'), format: 'der', type: 'pkcs8' });
  return {
    document,
    signature: {
      algorithm: 'Ed25519',
      keyId: key.id,
      publicKey: key.publicKey.toString('base64url'),
      value: sign(null, signedBytes(document), privateKey).toString('base64url'),
    },
  };
}

/**
 * What is wrong with a signed document; nothing = it is as it was signed.
 * @param published the service's keys. Without them only damage is found: anyone can sign with a key of their own
 */
export function problemsOf(signed: unknown, published?: readonly PublishedKey[]): string[] {
  const parsed = parseSigned(signed);
  if (parsed === null) return ['this is no signed document of framekeep'];
  const { document, signature } = parsed;
  const publicKey = Buffer.from(signature.publicKey, 'base64url');
  if (publicKey.length !== 32) return ['the public key in it is damaged'];
  const problems: string[] = [];
  if (signingKeyId(publicKey) !== signature.keyId) problems.push('the public key in it is not the one it names');
  const known = published?.some((key) => key.id === signature.keyId && key.publicKey === signature.publicKey);
  if (known === false) problems.push(`key ${signature.keyId} is not among the service's keys`);
  const key = createPublicKey({ key: Buffer.concat([spkiPrefix, publicKey]), format: 'der', type: 'spki' });
  if (!verify(null, signedBytes(document), key, Buffer.from(signature.value, 'base64url'))) {
    problems.push('the signature does not fit: the document was changed, or signed with another key');
  }
  return problems;
}

/** SHA-256 (hex) of text, such as the lines of a certificate. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function signingKeyId(publicKey: Buffer): string {
  return createHash('sha256').update(publicKey).digest('hex').slice(0, 32);
}

function signedBytes(document: Canonical): Buffer {
  return Buffer.from(domainSeparator + canonicalJson(document));
}

function parseSigned(value: unknown): SignedDocument | null {
  if (!isRecord(value) || !isRecord(value['signature']) || !isCanonical(value['document'])) return null;
  const { algorithm, keyId, publicKey, value: bytes } = value['signature'];
  if (algorithm !== 'Ed25519' || typeof keyId !== 'string') return null;
  if (typeof publicKey !== 'string' || typeof bytes !== 'string') return null;
  return { document: value['document'], signature: { algorithm, keyId, publicKey, value: bytes } };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

import { randomBytes } from 'node:crypto';

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** A new UUIDv7: sorts by the time it was made. */
export function newUuid(nowMs: number): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(nowMs, 0, 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return uuidText(bytes);
}

/** The 16 bytes of a UUID in lowercase text. @throws RangeError when it is none */
export function uuidBytes(text: string): Buffer {
  if (!uuidPattern.test(text)) throw new RangeError(`not a UUID in lowercase: ${text}`);
  return Buffer.from(text.replaceAll('-', ''), 'hex');
}

/** The text of a UUID's 16 bytes. */
export function uuidText(bytes: Buffer): string {
  const digits = bytes.toString('hex');
  return [0, 8, 12, 16, 20].map((from, i, cuts) => digits.slice(from, cuts[i + 1] ?? 32)).join('-');
}

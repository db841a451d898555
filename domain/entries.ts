import type { Entry } from './segment.ts';

/** u32 bytes, u32 ms, u32 key bytes, big-endian. */
const entryBytes = 12;

/** The entries as the catalogue keeps them. @throws RangeError where a value does not fit in 32 bits */
export function packEntries(entries: readonly Entry[]): Uint8Array {
  const packed = new Uint8Array(entries.length * entryBytes);
  const view = new DataView(packed.buffer);
  entries.forEach((entry, i) => {
    [entry.bytes, entry.ms, entry.keyBytes].forEach((value, field) => {
      if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) {
        throw new RangeError(`entry ${i} holds ${value}, which is no u32`);
      }
      view.setUint32(i * entryBytes + field * 4, value);
    });
  });
  return packed;
}

/** The reverse of `packEntries`. @throws RangeError where the length is no multiple of 12 */
export function unpackEntries(packed: Uint8Array): Entry[] {
  if (packed.byteLength % entryBytes !== 0) {
    throw new RangeError(`${packed.byteLength} bytes are no list of ${entryBytes}-byte entries`);
  }
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  return Array.from({ length: packed.byteLength / entryBytes }, (_, i) => ({
    bytes: view.getUint32(i * entryBytes),
    ms: view.getUint32(i * entryBytes + 4),
    keyBytes: view.getUint32(i * entryBytes + 8),
  }));
}

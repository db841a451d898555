import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Objects } from '../storage/objects.ts';

/**
 * Brings an object onto this host's disk.
 * @param watch.onBytes told of bytes that came
 * @returns how many bytes came and their SHA-256 (hex); null when there is no such object
 */
export async function download(
  objects: Objects,
  key: string,
  target: string,
  watch: { onBytes?: (bytes: number) => void; signal?: AbortSignal } = {},
): Promise<{ bytes: number; sha256: string } | null> {
  const hash = createHash('sha256');
  let bytes = 0;
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      bytes += chunk.length;
      watch.onBytes?.(chunk.length);
      done(null, chunk);
    },
  });
  const body = await objects.read(key).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'NoSuchKey') return null;
    throw error;
  });
  if (body === null) return null;
  await pipeline(body, measure, createWriteStream(target), watch.signal === undefined ? {} : { signal: watch.signal });
  return { bytes, sha256: hash.digest('hex') };
}

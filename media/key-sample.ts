import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { Fragment } from '../domain/segment.ts';

/**
 * The SHA-256 (hex) of a fragment's first video sample. Two copies of one stream have the same one, whatever their clocks
 * and containers say: it names a key picture.
 * @throws RangeError where the file ends before the sample does
 */
export async function keySampleSha256(path: string, fragment: Fragment): Promise<string> {
  const sample = Buffer.alloc(fragment.sampleBytes);
  const file = await open(path, 'r');
  try {
    const at = fragment.offset + fragment.keyBytes - fragment.sampleBytes;
    const { bytesRead } = await file.read(sample, 0, sample.length, at);
    if (bytesRead < sample.length) throw new RangeError('the file ends within the sample');
  } finally {
    await file.close();
  }
  return createHash('sha256').update(sample).digest('hex');
}

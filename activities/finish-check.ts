import type { Segment } from '../domain/segment.ts';
import { JoinError, type Sources } from '../media/join.ts';

/**
 * Checks that each file's media is what its row lists, to the byte: a final is compared with the files it was made of
 * only, so they must be the footage that it takes the place of.
 * @throws JoinError at the first file that holds more or less
 */
export function checkMedia({ parts, first }: Sources, segments: readonly Segment[]): void {
  for (const [at, { fromBytes, toBytes }] of parts.entries()) {
    const listed = (segments[at]?.entries ?? []).reduce((sum, { bytes }) => sum + bytes, 0);
    const found = toBytes - Math.max(fromBytes, at === 0 ? first.initBytes : 0);
    if (found !== listed) throw new JoinError(at, `it holds ${found} bytes of media, its playlist entries ${listed}`);
  }
}

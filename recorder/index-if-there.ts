import { Mp4Error } from '../media/mp4-boxes.ts';
import { readIndex, type SegmentIndex } from '../media/mp4-index.ts';
import { isMissingFile, isUnreadable } from './error-code.ts';

/** Null for a file that is not there (yet, or any more), that cannot be read, or of which too little is written. */
export function indexIfThere(filePath: string): Promise<SegmentIndex | null> {
  return readIndex(filePath).catch(nullIfNothing);
}

/** For the errors of reading an index: null where it means that. @throws any other */
export function nullIfNothing(error: unknown): null {
  if (isMissingFile(error) || isUnreadable(error) || error instanceof Mp4Error) return null;
  throw error;
}

/** Bytes `offset` to `offset + length`, exclusive. */
export interface ByteRange {
  offset: number;
  length: number;
}

/**
 * The part of `totalBytes` that a Range header asks for (RFC 9110, 14.2).
 * @returns null = the whole: no header, another unit, several ranges or a broken header, all of which a server may
 * answer whole; 'unsatisfiable' = nothing of it exists
 */
export function parseByteRange(header: string | undefined, totalBytes: number): ByteRange | null | 'unsatisfiable' {
  const match = header === undefined ? null : /^bytes=(\d*)-(\d*)$/.exec(header.trim());
  if (match === null) return null;
  const [, first = '', last = ''] = match;
  if (first === '') return last === '' ? null : suffix(Number(last), totalBytes);
  const offset = Number(first);
  const end = last === '' ? totalBytes - 1 : Math.min(Number(last), totalBytes - 1);
  if (last !== '' && Number(last) < offset) return null;
  return offset >= totalBytes ? 'unsatisfiable' : { offset, length: end - offset + 1 };
}

function suffix(wantedBytes: number, totalBytes: number): ByteRange | 'unsatisfiable' {
  const length = Math.min(wantedBytes, totalBytes);
  return length === 0 ? 'unsatisfiable' : { offset: totalBytes - length, length };
}

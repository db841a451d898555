/** Whether an error says that a file is not there. */
export function isMissingFile(error: unknown): boolean {
  return codeOf(error) === 'ENOENT';
}

/** EBADMSG and EUCLEAN of Linux: a checksum of the file system is wrong. Node has no name for the latter. */
const damagedErrnos = [-74, -117];

/**
 * Whether an error says that what lies at a place of the disk cannot be read, as of a bad block. It may be gone the next
 * time, but need not. EISDIR: a folder where a file should be.
 */
export function isUnreadable(error: unknown): boolean {
  if (['EIO', 'EISDIR'].includes(codeOf(error) ?? '')) return true;
  return error instanceof Error && 'errno' in error && damagedErrnos.includes(Number(error.errno));
}

/** The code of a system or database error, such as `ENOENT` or an SQLSTATE. */
export function codeOf(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}

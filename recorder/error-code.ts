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

/** Null where nothing can be read; any other error goes on. */
export function nullIfUnreadable(error: unknown): null {
  if (isUnreadable(error)) return null;
  throw error;
}

/** The code of a system or database error, such as `ENOENT` or an SQLSTATE. */
export function codeOf(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}

/**
 * SQLSTATE classes in which a statement itself is wrong (data, integrity, syntax): waiting does not cure it.
 * Connection losses have no SQLSTATE; shutdown and lack of resources (57, 53, 08) pass.
 */
const statementFault = /^(22|23|42)[0-9A-Z]{3}$/;

/** Whether waiting can cure this error: everything but a statement that Postgres refuses for its content. */
export function mayPass(error: unknown): boolean {
  return !statementFault.test(codeOf(error) ?? '');
}

/** Whether an error says that a file is not there. */
export function isMissingFile(error: unknown): boolean {
  return codeOf(error) === 'ENOENT';
}

/** The code of a system or database error, such as `ENOENT` or an SQLSTATE. */
export function codeOf(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}

/** Whether an error says that a file is not there. */
export function isMissingFile(error: unknown): boolean {
  return codeOf(error) === 'ENOENT';
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

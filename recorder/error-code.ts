import { codeOf, isUnreadable } from '../storage/file-error.ts';

export { codeOf, isMissingFile, isUnreadable } from '../storage/file-error.ts';

/** Null where nothing can be read; any other error goes on. */
export function nullIfUnreadable(error: unknown): null {
  if (isUnreadable(error)) return null;
  throw error;
}

/**
 * SQLSTATE classes in which what is to be stored is wrong (data, integrity): waiting does not cure it. Connection losses
 * have no SQLSTATE; shutdown and lack of resources (57, 53, 08) pass, and so does what an operator mends: tables and
 * columns that a migration has yet to make, and grants that a restore left out (42).
 */
const contentFault = /^(22|23)[0-9A-Z]{3}$/;

/** Whether waiting can cure this error: everything but a statement that Postgres refuses for its content. */
export function mayPass(error: unknown): boolean {
  return !contentFault.test(codeOf(error) ?? '');
}

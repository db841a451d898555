import { AppError } from '../errors.ts';

/** The error for a field of the body that is well formed and means nothing as things are. */
export function wrongField(path: string, message: string): AppError {
  return new AppError('invalid-request', `${path}: ${message}`, { details: { errors: [{ path, message }] } });
}

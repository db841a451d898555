/**
 * The errors a caller may meet, each with a stable code and an HTTP status.
 * The codes are part of the API: they stand in every RFC 9457 problem document.
 */
export const errorStatus = {
  'invalid-request': 400,
  'invalid-camera-url': 400,
  'invalid-range': 400,
  'range-too-long': 400,
  'invalid-cursor': 400,
  unauthenticated: 401,
  'wrong-login': 401,
  forbidden: 403,
  'link-invalid': 403,
  'not-found': 404,
  'no-footage': 404,
  'footage-pending': 404,
  'method-not-allowed': 405,
  'name-taken': 409,
  'wrong-state': 409,
  'link-expired': 410,
  'footage-gone': 410,
  'too-large': 413,
  'unsupported-media-type': 415,
  'range-not-satisfiable': 416,
  'too-many-requests': 429,
  'camera-probe-failed': 422,
  internal: 500,
  unavailable: 503,
} as const;

export type ErrorCode = keyof typeof errorStatus;

/** An error with a code a program can act on and a message a person can act on. Never put a secret into either. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly details: Record<string, unknown> | undefined;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown; details?: Record<string, unknown> }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.details = options?.details;
  }

  get status(): number {
    return errorStatus[this.code];
  }
}

/** The text of anything that was thrown. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

import { z } from 'zod';

/** An instant as the API shows it: ISO 8601, UTC, milliseconds. */
export function isoTime(atMs: number): string {
  return new Date(atMs).toISOString();
}

/** `isoTime` for what may not have happened yet. */
export function isoTimeOrNull(atMs: number | null): string | null {
  return atMs === null ? null : isoTime(atMs);
}

/** An instant in an answer. */
export const timeOut = z.iso.datetime({ precision: 3 }).meta({ examples: ['2026-11-17T11:20:05.000Z'] });

const timeError = 'must be an ISO 8601 time with an offset, such as 2026-11-17T11:20:05.000Z or 2026-11-17T14:20+03:00';

/** The last one that `timeOut` can show: an offset can move a year 9999 beyond it. */
const lastMs = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/**
 * An instant in a request: ISO 8601 with an offset or Z, seconds may be left out; becomes ms since 1970. What no answer
 * could show is refused, since it would be kept and then fail each list that it is in.
 */
export const timeIn = z
  .union([z.iso.datetime({ offset: true }), z.iso.datetime({ offset: true, precision: -1 })], { error: timeError })
  .transform((text) => Date.parse(text))
  .refine((ms) => ms >= 0 && ms <= lastMs, 'must lie between 1970 and the end of 9999, UTC');

export const uuid = z.uuid({ error: 'must be a UUID' });

/** A name people give: no control characters, since names stand in logs, tables and file names. */
export const displayName = z
  .string()
  // Composed and decomposed letters look the same, so they are one name.
  .normalize('NFC')
  .trim()
  .min(1, 'must not be empty')
  .max(200, 'must be at most 200 characters')
  .regex(/^[^\p{Cc}\p{Zl}\p{Zp}]*$/u, 'must not contain control characters or line breaks');

export const idParams = z.object({ id: uuid });

/** `limit` and `cursor` of every list. */
export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(1000).default(100).describe('Items a page, at most 1000.'),
  cursor: z.string().max(500).optional().describe("`nextCursor` of the page before; it can't be made by hand."),
};

/** A list's answer. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({
    items: z.array(item),
    nextCursor: z.string().optional().describe('Absent on the last page.'),
  });
}

/** The body of every error answer, RFC 9457. */
export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    code: z.string().describe('Stable; what a program decides by.'),
    detail: z.string(),
    instance: z.string().optional().describe('Names this very request in the server log.'),
    errors: z
      .array(z.object({ path: z.string(), message: z.string() }))
      .optional()
      .describe('What is wrong with the request, one entry a field.'),
  })
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof problemSchema>;

/** A body that is no JSON: text or bytes. */
export const rawBody = (description: string, contentType: string) => ({
  description,
  content: { [contentType]: { schema: z.any().meta({ type: 'string', format: 'binary' }) } },
});

const problem = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: problemSchema } },
});

/** Error answers that any route under a login can give; routes add their own. */
export const commonProblems = {
  400: problem('The request is wrong; `errors` says where.'),
  401: problem('No valid API key or login.'),
  403: problem('Not allowed.'),
  404: problem('No such thing.'),
  500: problem('A fault of the service; it is logged under `instance`.'),
};

/** The answer without a body. */
export const doneAnswer = z.undefined().describe('Done.');

export const conflictProblem = { 409: problem('The name is taken or the state does not allow it.') };
export const goneProblem = { 410: problem('The link has expired or the footage was deleted.') };

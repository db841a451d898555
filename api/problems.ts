import { STATUS_CODES } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors, type ZodFastifySchemaValidationError } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { redact } from '../domain/redact.ts';
import { AppError, type ErrorCode } from '../errors.ts';
import { sendPage, wantsDocs, wantsPage } from './console-files.ts';
import { learnPaths } from './known-paths.ts';
import { problemSchema, type Problem } from './schemas/common.ts';

/** What may be read of anything that was thrown. */
const seen = z
  .object({ code: z.string().optional(), statusCode: z.number().optional(), message: z.string().optional() })
  .catch({});
const unknownKeys = z.array(z.string());

/** Codes of sockets and of Postgres, and texts of its driver, that mean: a part is away, not wrong. */
const awayCodes =
  /^(ECONN(REFUSED|RESET|ABORTED)|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENOTFOUND|EAI_AGAIN|57P0[123]|08\w{3}|53300)$/;
const awayTexts = /^(Connection terminated|timeout exceeded when trying to connect|Query read timeout)/i;

/** Fastify's own errors that a caller can cause, as ours. */
const fastifyErrors: Record<string, [ErrorCode, string]> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['unsupported-media-type', 'Send the body as content-type application/json.'],
  FST_ERR_CTP_EMPTY_TYPE: ['unsupported-media-type', 'Send the body as content-type application/json.'],
  FST_ERR_CTP_BODY_TOO_LARGE: ['too-large', 'The body is larger than 64 kB.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['invalid-request', 'The body is not as long as its content-length says.'],
  FST_ERR_BAD_URL: ['invalid-request', 'The path holds a percent sign that stands for nothing.'],
};

/**
 * Answers every error as an RFC 9457 problem document; what a fault of ours says stays in the log.
 * Unknown paths that a browser opens are pages of the console.
 */
export function registerProblems(app: FastifyInstance, webDir: string): void {
  const methodsOf = learnPaths(app);
  app.setErrorHandler((error: unknown, request, reply) => {
    const known = toAppError(error);
    if (known.code === 'unauthenticated' && wantsDocs(request)) return sendPage(reply, webDir);
    if (known.status >= 500) request.log.error({ err: error, route: request.routeOptions.url }, 'request failed');
    return sendProblem(request, reply, known);
  });
  app.setNotFoundHandler((request, reply) => {
    if (wantsPage(request)) return sendPage(reply, webDir);
    const methods = methodsOf(request.url.split('?', 1)[0] ?? '');
    if (methods.length > 0) {
      const text = `${pathOf(request)} knows no ${request.method}, only ${methods.join(', ')}.`;
      return sendProblem(request, reply.header('allow', methods.join(', ')), new AppError('method-not-allowed', text));
    }
    return sendProblem(request, reply, new AppError('not-found', `There is no ${request.method} ${pathOf(request)}.`));
  });
}

/** Sends an error; also for hooks that answer by themselves. */
export function sendProblem(request: FastifyRequest, reply: FastifyReply, error: AppError): FastifyReply {
  if (error.code === 'unauthenticated') void reply.header('www-authenticate', 'Bearer realm="framekeep"');
  // A string is not serialized again, so that the route's own schemas do not apply to it.
  return reply
    .code(error.status)
    .type('application/problem+json')
    .header('cache-control', 'no-store')
    .send(JSON.stringify(problemOf(error, request.id)));
}

function problemOf(error: AppError, requestId: string): Problem {
  const hidden = error.code === 'internal';
  const fields = problemSchema.shape.errors.parse(error.details?.['errors']);
  return {
    type: `urn:framekeep:problem:${error.code}`,
    title: STATUS_CODES[error.status] ?? 'Error',
    status: error.status,
    code: error.code,
    detail: hidden ? `The service failed; its log has the cause under ${requestId}.` : redact(error.message),
    instance: `urn:uuid:${requestId}`,
    ...(fields && { errors: fields }),
  };
}

/** What a caller may be told of anything that was thrown. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (hasZodFastifySchemaValidationErrors(error)) return validationError(error.validation, error.validationContext);
  const { code, statusCode, message } = seen.parse(error);
  const own = code === undefined ? undefined : fastifyErrors[code];
  if (own) return new AppError(own[0], own[1]);
  // JSON.parse and secure-json-parse throw SyntaxErrors whose text may quote the body, which may hold a login.
  if (error instanceof SyntaxError) return new AppError('invalid-request', 'The body is not valid JSON.');
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new AppError('invalid-request', message ?? 'The request is wrong.');
  }
  if (awayCodes.test(code ?? '') || awayTexts.test(message ?? '')) {
    const text = 'A part that the service rests on does not answer. Try again in a moment; see /readyz.';
    return new AppError('unavailable', text, { cause: error });
  }
  return new AppError('internal', 'The service failed.', { cause: error });
}

function validationError(issues: ZodFastifySchemaValidationError[], context: string | undefined): AppError {
  // An id that cannot be one names nothing.
  if (context === 'params') return new AppError('not-found', 'There is nothing with this id.');
  const errors = issues.flatMap(fieldErrors);
  const first = errors[0];
  const detail = first === undefined ? 'The request is wrong.' : `${first.path || context || 'body'}: ${first.message}`;
  const code = issues.every((issue) => issue.instancePath === '/cursor') ? 'invalid-cursor' : 'invalid-request';
  return new AppError(code, detail, { details: { errors } });
}

function fieldErrors(issue: ZodFastifySchemaValidationError): { path: string; message: string }[] {
  const path = issue.instancePath.slice(1).replaceAll('/', '.');
  const unknown = issue.keyword === 'unrecognized_keys' ? unknownKeys.parse(issue.params['keys']) : [];
  if (unknown.length === 0) return [{ path, message: issue.message ?? 'is wrong' }];
  return unknown.map((key) => ({ path: path === '' ? key : `${path}.${key}`, message: 'no such field' }));
}

/** Without the query, which may hold anything. */
function pathOf(request: FastifyRequest): string {
  const path = request.url.split('?', 1)[0] ?? '';
  return path.startsWith('/m/') ? '/m/…' : path;
}

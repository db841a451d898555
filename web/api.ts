import { noteServerTime } from './clock.ts';

/** What went wrong, from an RFC 9457 problem document; `code` is stable, `fields` names what was wrong where. */
export interface Problem {
  status: number;
  code: string;
  detail: string;
  fields: Record<string, string>;
}

/** Every call ends in one of three ways, so that no caller can forget one. */
export type Answer<T> =
  | { kind: 'ok'; value: T; headers: Headers }
  | { kind: 'aborted' }
  | { kind: 'problem'; problem: Problem };

/** A call that has not answered by then is as good as failed; the slowest honest answer is 202 after 3 s. */
const timeoutMs = 15_000;

let whenSignedOut: () => void = () => {};

/** Sets what happens when the server no longer knows the session. */
export function onSignedOut(handler: () => void): void {
  whenSignedOut = handler;
}

interface Call {
  body?: unknown;
  signal?: AbortSignal | undefined;
  /** The answer is text, not JSON. */
  text?: boolean;
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/**
 * One call of the REST API with the session's cookie.
 * @param path from the root, e.g. `/v1/cameras`
 */
export async function call<T>(method: Method, path: string, options: Call = {}): Promise<Answer<T>> {
  const timeout = AbortSignal.timeout(timeoutMs);
  const signal = options.signal === undefined ? timeout : AbortSignal.any([options.signal, timeout]);
  try {
    const response = await fetch(path, {
      method,
      signal,
      credentials: 'same-origin',
      ...(options.body !== undefined && {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(options.body),
      }),
    });
    noteServerTime(response.headers.get('date'));
    const json: unknown = options.text === true && response.ok ? await response.text() : await readJson(response);
    if (response.ok) return { kind: 'ok', value: json as T, headers: response.headers };
    const problem = toProblem(response.status, json);
    if (problem.code === 'unauthenticated') whenSignedOut();
    return { kind: 'problem', problem };
  } catch (error) {
    if (options.signal?.aborted === true) return { kind: 'aborted' };
    const detail = error instanceof Error ? error.message : String(error);
    return { kind: 'problem', problem: { status: 0, code: 'offline', detail, fields: {} } };
  }
}

async function readJson(response: Response): Promise<unknown> {
  if (!(response.headers.get('content-type') ?? '').includes('json')) return undefined;
  const text = await response.text();
  return text === '' ? undefined : JSON.parse(text);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function toProblem(status: number, json: unknown): Problem {
  const body = isObject(json) ? json : {};
  const text = (key: string, otherwise: string) => (typeof body[key] === 'string' ? body[key] : otherwise);
  return {
    status,
    code: text('code', status >= 500 ? 'internal' : `http-${status}`),
    detail: text('detail', text('title', '')),
    fields: fieldsOf(body['errors']),
  };
}

/** `errors: [{path, message}]` as a map from a field's name to its first message. */
function fieldsOf(errors: unknown): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const error of Array.isArray(errors) ? errors : []) {
    if (!isObject(error) || typeof error['message'] !== 'string') continue;
    const path = typeof error['path'] === 'string' ? error['path'] : '';
    const name = path.split('.').findLast((part) => part !== '');
    if (name !== undefined) fields[name] ??= error['message'];
  }
  return fields;
}

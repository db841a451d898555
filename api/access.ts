import type { FastifyInstance, FastifyRequest } from 'fastify';
import { apiKeyByHash } from '../db/api-keys.ts';
import { accountOfSession } from '../db/login-sessions.ts';
import type { Db } from '../db/sql.ts';
import { AppError } from '../errors.ts';
import { sha256 } from '../security/tokens.ts';

export const sessionCookie = 'framekeep_session';

/** Who asks. */
export interface Caller {
  kind: 'account' | 'api-key';
  id: string;
  name: string;
  role: 'operator';
  /** Of the session's token; null for an API key. */
  sessionSha256: Buffer | null;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** true: needs no login. Every such route is listed in test/api/access.test.ts. */
    public?: boolean;
  }
}

const callers = new WeakMap<FastifyRequest, Caller>();

/** The caller of a request that is not public. */
export function callerOf(request: FastifyRequest): Caller {
  const caller = callers.get(request);
  if (caller === undefined) throw new AppError('unauthenticated', 'Log in, or send an API key.');
  return caller;
}

/** Lets only known callers through to routes that are not public; without a route there is nothing to protect. */
export function registerAccess(app: FastifyInstance, deps: { db: Db; now: () => number }): void {
  app.addHook('onRequest', async (request) => {
    if (request.is404 || request.routeOptions.config.public === true) return;
    callers.set(request, await identify(deps, request));
  });
}

async function identify(deps: { db: Db; now: () => number }, request: FastifyRequest): Promise<Caller> {
  const { authorization } = request.headers;
  if (authorization !== undefined) return identifyApiKey(deps.db, authorization);
  const token = request.cookies[sessionCookie];
  if (token === undefined) throw new AppError('unauthenticated', 'Log in, or send an API key.');
  requireSameOrigin(request);
  const sessionSha256 = sha256(token);
  const account = await accountOfSession(deps.db, sessionSha256, deps.now());
  if (account === null) throw new AppError('unauthenticated', 'The login is over. Log in again.');
  return { kind: 'account', id: account.accountId, name: account.login, role: account.role, sessionSha256 };
}

async function identifyApiKey(db: Db, authorization: string): Promise<Caller> {
  const key = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
  if (key === undefined) throw new AppError('unauthenticated', 'The authorization header must be "Bearer <API key>".');
  // Looked up by hash: how long that takes says nothing about the key.
  const apiKey = await apiKeyByHash(db, sha256(key));
  if (apiKey === null) throw new AppError('unauthenticated', 'There is no such API key.');
  return { kind: 'api-key', id: apiKey.id, name: apiKey.name, role: apiKey.role, sessionSha256: null };
}

/**
 * Refuses what another site's page sent with our cookie. Browsers that know Sec-Fetch-Site say it themselves;
 * others send Origin with everything that changes something.
 * @throws AppError forbidden
 */
export function requireSameOrigin(request: FastifyRequest): void {
  if (request.method === 'GET' || request.method === 'HEAD') return;
  const site = request.headers['sec-fetch-site'];
  const { origin, host } = request.headers;
  const sameOrigin = site === undefined ? origin !== undefined && hostOf(origin) === host : site === 'same-origin';
  if (!sameOrigin) {
    throw new AppError(
      'forbidden',
      'A login by cookie counts only for requests from the console itself; use an API key.',
    );
  }
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}

import { rm } from 'node:fs/promises';
import { accountById, accountByLogin, setPassword } from '../../db/accounts.ts';
import {
  deleteExpiredLoginSessions,
  deleteLoginSession,
  deleteOtherLoginSessions,
  insertLoginSession,
} from '../../db/login-sessions.ts';
import { recordDeed } from '../../db/audit.ts';
import { transaction } from '../../db/sql.ts';
import { AppError } from '../../errors.ts';
import { hashPassword, verifyPassword } from '../../security/password.ts';
import { newToken, sha256 } from '../../security/tokens.ts';
import { callerOf, requireSameOrigin, sessionCookie } from '../access.ts';
import { doneBy } from '../audit.ts';
import type { Api, ApiDeps } from '../dependencies.ts';
import { adminLogin, adminPasswordPath } from '../first-start.ts';
import { createLoginAudit } from '../login-audit.ts';
import { loginBody, meSchema, passwordBody } from '../schemas/account.ts';
import { commonProblems, doneAnswer } from '../schemas/common.ts';

/** A month: the console stays open on an operator's wall; a change of password ends all other sessions. */
const sessionMs = 30 * 24 * 3600 * 1000;
/** Ten guesses a minute and address; a person with a bad memory needs fewer. */
const loginLimit = { max: 10, timeWindow: 60_000 };

/** Login by password and cookie, and who one is. */
export function registerSession(app: Api, deps: ApiDeps): void {
  app.post(
    '/v1/login',
    {
      config: { public: true, rateLimit: loginLimit },
      onError: createLoginAudit(deps),
      schema: {
        summary: 'Log in',
        operationId: 'login',
        tags: ['session'],
        security: [],
        body: loginBody,
        response: { ...commonProblems, 200: meSchema },
      },
    },
    async (request, reply) => {
      if (request.headers.origin !== undefined) requireSameOrigin(request);
      const { login, password } = request.body;
      const account = await accountByLogin(deps.pool, login);
      const right = await verifyPassword(password, account?.passwordHash ?? null);
      if (!right || account === null) throw new AppError('wrong-login', 'Wrong login or password.');
      const token = newToken();
      const nowMs = deps.now();
      await deleteExpiredLoginSessions(deps.pool, nowMs);
      const session = { tokenSha256: sha256(token), accountId: account.id, nowMs, expiresAtMs: nowMs + sessionMs };
      await transaction(deps.pool, async (tx) => {
        await insertLoginSession(tx, session);
        const actor = `account:${account.login}`;
        await recordDeed(tx, { atMs: nowMs, actor, action: 'account.login', after: { address: request.ip } });
      });
      void reply.setCookie(sessionCookie, token, {
        path: '/',
        httpOnly: true,
        sameSite: 'lax',
        secure: request.protocol === 'https',
        maxAge: sessionMs / 1000,
      });
      return { kind: 'account' as const, id: account.id, name: account.login, role: account.role };
    },
  );

  app.post(
    '/v1/logout',
    {
      schema: {
        summary: 'Log out: ends the session of the cookie',
        operationId: 'logout',
        tags: ['session'],
        response: { ...commonProblems, 204: doneAnswer },
      },
    },
    async (request, reply) => {
      const { sessionSha256 } = callerOf(request);
      if (sessionSha256 !== null) {
        await transaction(deps.pool, async (tx) => {
          if (!(await deleteLoginSession(tx, sessionSha256))) return; // by another tab, in the meantime
          const before = { login: callerOf(request).name };
          await recordDeed(tx, { ...doneBy(request, deps), action: 'account.logout', before });
        });
      }
      void reply.clearCookie(sessionCookie, { path: '/' });
      return reply.code(204).send();
    },
  );

  app.get(
    '/v1/me',
    {
      schema: {
        summary: 'Who asks',
        operationId: 'me',
        tags: ['session'],
        response: { ...commonProblems, 200: meSchema },
      },
    },
    async (request) => {
      const { kind, id, name, role } = callerOf(request);
      return { kind, id, name, role };
    },
  );

  app.post(
    '/v1/me/password',
    {
      config: { rateLimit: loginLimit },
      schema: {
        summary: 'Change the own password; ends all other sessions of the account',
        operationId: 'changePassword',
        tags: ['session'],
        body: passwordBody,
        response: { ...commonProblems, 204: doneAnswer },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      if (caller.sessionSha256 === null) throw new AppError('forbidden', 'An API key has no password. Log in.');
      const account = await accountById(deps.pool, caller.id);
      const { currentPassword, newPassword } = request.body;
      if (account === null || !(await verifyPassword(currentPassword, account.passwordHash))) {
        throw new AppError('wrong-login', 'The current password is wrong.');
      }
      const passwordHash = await hashPassword(newPassword);
      const { sessionSha256 } = caller;
      await transaction(deps.pool, async (tx) => {
        await setPassword(tx, account.id, passwordHash);
        const { login } = account;
        const otherSessions = await deleteOtherLoginSessions(tx, account.id, sessionSha256);
        const values = { before: { login, otherSessions }, after: { login, otherSessions: 0 } };
        await recordDeed(tx, { ...doneBy(request, deps), action: 'account.password', ...values });
      });
      if (account.login === adminLogin) await rm(adminPasswordPath(deps.dataDir), { force: true });
      return reply.code(204).send();
    },
  );
}

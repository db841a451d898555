import type { FastifyRequest } from 'fastify';
import { accountByLogin } from '../db/accounts.ts';
import { recordDeed } from '../db/audit.ts';
import { transaction } from '../db/sql.ts';
import { AppError } from '../errors.ts';
import { createRefusals } from '../security/refusals.ts';
import type { ApiDeps } from './dependencies.ts';

type Refusal = 'account.refuse' | 'account.lockout';
/** By the codes of errors. */
const refusals = new Map<string, Refusal>([
  ['wrong-login', 'account.refuse'],
  ['too-many-requests', 'account.lockout'],
]);

/**
 * A hook that notes refused logins and lockouts in the audit log: one entry an hour for each account and address.
 * Of an unknown login only that it was unknown: people type passwords into the wrong field.
 * A refusal is answered also while the database is away; the log then has the error.
 */
export function createLoginAudit(
  deps: Pick<ApiDeps, 'pool' | 'log' | 'now'>,
): (request: FastifyRequest, reply: unknown, error: Error) => Promise<void> {
  const listed = createRefusals();

  async function note(request: FastifyRequest, action: Refusal): Promise<void> {
    const nowMs = deps.now();
    const known = action === 'account.refuse' ? await accountByLogin(deps.pool, loginIn(request.body)) : null;
    const login = known?.login ?? null;
    const told = listed.tell(`${action} ${login} ${request.ip}`, nowMs);
    if (told === null) return;
    const after = { address: request.ip, ...(action === 'account.refuse' && { login }) };
    const more = told === 'last' ? { more: 'further ones of this hour are not listed' } : {};
    await transaction(deps.pool, (tx) =>
      recordDeed(tx, { atMs: nowMs, actor: 'service:login', action, after: { ...after, ...more } }),
    );
  }

  return async (request, _reply, error) => {
    if (!(error instanceof AppError)) return;
    const action = refusals.get(error.code);
    if (action === undefined) return;
    await note(request, action).catch((cause: unknown) => {
      deps.log.error({ err: cause, address: request.ip }, 'a refused login is missing in the audit log');
    });
  };
}

function loginIn(body: unknown): string {
  return typeof body === 'object' && body !== null && 'login' in body && typeof body.login === 'string'
    ? body.login
    : '';
}

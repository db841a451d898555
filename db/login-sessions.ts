import { z } from 'zod';
import { at, maybeOne, type Db } from './sql.ts';
import type { Role } from './accounts.ts';

/** Who a login session belongs to. */
export interface SessionAccount {
  accountId: string;
  login: string;
  role: Role;
}

/** Opens a session; only the token's hash is kept. */
export async function insertLoginSession(
  db: Db,
  session: { tokenSha256: Buffer; accountId: string; nowMs: number; expiresAtMs: number },
): Promise<void> {
  await db.query(
    `insert into login_session (token_sha256, account_id, created_at, expires_at)
     select $1, id, $3, $4 from account where public_id = $2`,
    [session.tokenSha256, session.accountId, at(session.nowMs), at(session.expiresAtMs)],
  );
}

/** Whose session this is, or null when it is unknown or over. */
export function accountOfSession(db: Db, tokenSha256: Buffer, nowMs: number): Promise<SessionAccount | null> {
  return maybeOne(
    db,
    z
      .object({ public_id: z.string(), login: z.string(), role: z.literal('operator') })
      .transform((row): SessionAccount => ({ accountId: row.public_id, login: row.login, role: row.role })),
    `select a.public_id, a.login, a.role from login_session s join account a on a.id = s.account_id
     where s.token_sha256 = $1 and s.expires_at > $2`,
    [tokenSha256, at(nowMs)],
  );
}

/** Ends one session. @returns whether there was one */
export async function deleteLoginSession(db: Db, tokenSha256: Buffer): Promise<boolean> {
  const { rowCount } = await db.query(`delete from login_session where token_sha256 = $1`, [tokenSha256]);
  return rowCount === 1;
}

/** Ends an account's sessions, all but the one with this hash. @returns how many */
export async function deleteOtherLoginSessions(db: Db, accountId: string, keptTokenSha256: Buffer): Promise<number> {
  const { rowCount } = await db.query(
    `delete from login_session
     where account_id = (select id from account where public_id = $1) and token_sha256 <> $2`,
    [accountId, keptTokenSha256],
  );
  return rowCount ?? 0;
}

/** Removes what is over; called at login, so that the table stays as small as the number of people. */
export async function deleteExpiredLoginSessions(db: Db, nowMs: number): Promise<void> {
  await db.query(`delete from login_session where expires_at <= $1`, [at(nowMs)]);
}

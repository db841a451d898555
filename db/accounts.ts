import { z } from 'zod';
import { maybeOne, type Db } from './sql.ts';

export type Role = 'operator';

/** A person who may log in. */
export interface Account {
  id: string;
  login: string;
  role: Role;
  passwordHash: string;
}

const accountRow = z
  .object({ public_id: z.string(), login: z.string(), role: z.literal('operator'), password_hash: z.string() })
  .transform((row): Account => ({
    id: row.public_id,
    login: row.login,
    role: row.role,
    passwordHash: row.password_hash,
  }));

const columns = 'public_id, login, role, password_hash';

/** The account with this login, or null. */
export function accountByLogin(db: Db, login: string): Promise<Account | null> {
  return maybeOne(db, accountRow, `select ${columns} from account where login = $1`, [login]);
}

/** The account with this public id, or null. */
export function accountById(db: Db, accountId: string): Promise<Account | null> {
  return maybeOne(db, accountRow, `select ${columns} from account where public_id = $1`, [accountId]);
}

/** Whether anyone can log in at all: false only before the first start is complete. */
export async function anyAccount(db: Db): Promise<boolean> {
  const row = await maybeOne(db, z.object({ id: z.number() }), `select id from account limit 1`, []);
  return row !== null;
}

/**
 * Makes the first account, unless there is one already (another process may start at the same time).
 * @returns whether this call made it
 */
export async function insertFirstAccount(db: Db, account: { login: string; passwordHash: string }): Promise<boolean> {
  const made = await maybeOne(
    db,
    z.object({ id: z.number() }),
    `insert into account (login, password_hash, role)
     select $1, $2, 'operator' where not exists (select from account)
     on conflict (login) do nothing returning id`,
    [account.login, account.passwordHash],
  );
  return made !== null;
}

/** Replaces an account's password. */
export async function setPassword(db: Db, accountId: string, passwordHash: string): Promise<void> {
  await db.query(`update account set password_hash = $2 where public_id = $1`, [accountId, passwordHash]);
}

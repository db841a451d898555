import { randomUUID } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { accountByLogin, anyAccount, insertFirstAccount } from '../db/accounts.ts';
import { replaceApiKey, type ApiKey } from '../db/api-keys.ts';
import { recordDeed } from '../db/audit.ts';
import { transaction, type Pool } from '../db/sql.ts';
import { hashPassword, verifyPassword } from '../security/password.ts';
import { newToken, sha256 } from '../security/tokens.ts';

export const adminLogin = 'admin';

/** The admin's generated password; `npm start` prints it from here, and its first change removes it. */
export function adminPasswordPath(dataDir: string): string {
  return join(dataDir, 'admin-password');
}

/** The key an installation's automation brings along is this one. */
const bootstrapKeyName = 'bootstrap';
/** Who makes these, in the audit log. */
const firstStart = 'service:first-start';

/**
 * Makes what the first start needs: the account `admin` with a password in a file that only we may read, and the
 * bootstrap API key when one is set. At later starts it changes nothing.
 */
export async function prepareFirstStart(
  db: Pool,
  options: { dataDir: string; bootstrapApiKey: string | undefined; now: () => number },
): Promise<void> {
  if (!(await anyAccount(db))) await makeAdmin(db, options);
  if (options.bootstrapApiKey !== undefined) {
    await setBootstrapKey(db, sha256(options.bootstrapApiKey), options.now());
  }
}

async function setBootstrapKey(db: Pool, keySha256: Buffer, atMs: number): Promise<void> {
  const audited = ({ id, name, role }: ApiKey) => ({ id, name, role });
  const by = { atMs, actor: firstStart };
  await transaction(db, async (tx) => {
    const { added, removed } = await replaceApiKey(tx, { name: bootstrapKeyName, keySha256, role: 'operator' });
    if (removed !== null) await recordDeed(tx, { ...by, action: 'api-key.remove', before: audited(removed) });
    if (added !== null) await recordDeed(tx, { ...by, action: 'api-key.add', after: audited(added) });
  });
}

async function makeAdmin(db: Pool, { dataDir, now }: { dataDir: string; now: () => number }): Promise<void> {
  // The file comes first: an account whose password nobody can read is one nobody can use.
  const path = adminPasswordPath(dataDir);
  const password = await sharedPassword(path);
  const passwordHash = await hashPassword(password);
  const isMade = await transaction(db, async (tx) => {
    if (!(await insertFirstAccount(tx, { login: adminLogin, passwordHash }))) return false;
    const deed = { action: 'account.add', after: { login: adminLogin } } as const;
    await recordDeed(tx, { atMs: now(), actor: firstStart, ...deed });
    return true;
  });
  if (isMade) return;
  // Another process was first: with this very password when it shares the folder, else the file is of no use.
  const account = await accountByLogin(db, adminLogin);
  if (account === null || !(await verifyPassword(password, account.passwordHash))) await rm(path, { force: true });
}

/** The password in the file, which is made whole or not at all; of several processes one makes it. */
async function sharedPassword(path: string): Promise<string> {
  // Process ids repeat among containers that share the folder.
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, `${newToken()}\n`, { mode: 0o600 });
  try {
    await link(draft, path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    await rm(draft, { force: true });
  }
  return (await readFile(path, 'utf8')).trim();
}

import { z } from 'zod';
import { instant, many, maybeOne, one, type Db, type Transaction } from './sql.ts';
import type { Role } from './accounts.ts';

/** A program's key; its value is shown once and only its hash is kept. */
export interface ApiKey {
  id: string;
  name: string;
  role: Role;
  createdAtMs: number;
}

const apiKeyRow = z
  .object({ public_id: z.string(), name: z.string(), role: z.literal('operator'), created_at: instant })
  .transform((row): ApiKey => ({ id: row.public_id, name: row.name, role: row.role, createdAtMs: row.created_at }));

const columns = 'public_id, name, role, created_at';

/** Makes a key. @throws the driver's unique violation when the name is taken */
export function insertApiKey(db: Db, key: { name: string; keySha256: Buffer; role: Role }): Promise<ApiKey> {
  return one(db, apiKeyRow, `insert into api_key (name, key_sha256, role) values ($1, $2, $3) returning ${columns}`, [
    key.name,
    key.keySha256,
    key.role,
  ]);
}

/**
 * Makes a key of this name and value, in the place of one of this name; a value that is a key already stays as it is.
 * Of several processes that do so at once one does it.
 * @returns what was made and what it took the place of
 */
export async function replaceApiKey(
  tx: Transaction,
  key: { name: string; keySha256: Buffer; role: Role },
): Promise<{ added: ApiKey | null; removed: ApiKey | null }> {
  const add = (): Promise<ApiKey | null> =>
    maybeOne(
      tx,
      apiKeyRow,
      `insert into api_key (name, key_sha256, role) values ($1, $2, $3) on conflict do nothing returning ${columns}`,
      [key.name, key.keySha256, key.role],
    );
  const added = await add();
  if (added !== null) return { added, removed: null };
  const removed = await maybeOne(
    tx,
    apiKeyRow,
    `delete from api_key where name = $1 and not exists (select from api_key where key_sha256 = $2) returning ${columns}`,
    [key.name, key.keySha256],
  );
  return removed === null ? { added: null, removed } : { added: await add(), removed };
}

/** The key with this hash, or null. */
export function apiKeyByHash(db: Db, keySha256: Buffer): Promise<ApiKey | null> {
  return maybeOne(db, apiKeyRow, `select ${columns} from api_key where key_sha256 = $1`, [keySha256]);
}

/** Keys in the order they were made (their ids sort by time), those after `afterId`, which need not exist any more. */
export function listApiKeys(db: Db, page: { afterId?: string | undefined; limit: number }): Promise<ApiKey[]> {
  return many(
    db,
    apiKeyRow,
    `select ${columns} from api_key
     where $1::uuid is null or public_id > $1::uuid
     order by public_id limit $2`,
    [page.afterId ?? null, page.limit],
  );
}

/** Removes a key. @returns the key, or null when there was none */
export function deleteApiKey(db: Db, apiKeyId: string): Promise<ApiKey | null> {
  return maybeOne(db, apiKeyRow, `delete from api_key where public_id = $1 returning ${columns}`, [apiKeyId]);
}

import { z } from 'zod';
import { recordDeed } from './audit.ts';
import { at, instant, many, maybeOne, type Db, type Transaction } from './sql.ts';

/** The key that signs now. */
export interface CurrentKey {
  id: string;
  publicKey: Buffer;
  sealedPrivateKey: string;
}

/**
 * The key that signs now, locked against a rotation until the commit. The first document of all makes it.
 * @param first.make a new key, sealed
 * @throws the driver's unique violation when another process made the first one meanwhile
 */
export async function signingKey(
  tx: Transaction,
  first: { make: () => CurrentKey; nowMs: number; actor: string },
): Promise<CurrentKey> {
  // A rotation that was under way has retired the row that was waited for; its new one only a later statement sees.
  const current = (await currentSigningKey(tx)) ?? (await currentSigningKey(tx));
  if (current !== null) return current;
  const key = first.make();
  await replaceSigningKey(tx, key, first.nowMs);
  const { nowMs: atMs, actor } = first;
  await recordDeed(tx, { atMs, actor, action: 'signing-key.add', after: { id: key.id } });
  return key;
}

function currentSigningKey(tx: Transaction): Promise<CurrentKey | null> {
  return maybeOne(
    tx,
    z
      .object({ id: z.string(), public_key: z.instanceof(Buffer), sealed_private_key: z.string() })
      .transform((row) => ({ id: row.id, publicKey: row.public_key, sealedPrivateKey: row.sealed_private_key })),
    `select id, public_key, sealed_private_key from signing_key where retired_at is null for share`,
  );
}

/**
 * Makes a key the one that signs; the one before it signs nothing any more and loses its private half.
 * @throws the driver's unique violation when another process was first
 */
export async function replaceSigningKey(tx: Transaction, key: CurrentKey, nowMs: number): Promise<void> {
  await tx.query(
    `update signing_key set retired_at = $1::timestamptz, sealed_private_key = null where retired_at is null`,
    [at(nowMs)],
  );
  await tx.query(
    `insert into signing_key (id, public_key, sealed_private_key, created_at)
     values ($1::text, $2::bytea, $3::text, $4::timestamptz)`,
    [key.id, key.publicKey, key.sealedPrivateKey, at(nowMs)],
  );
}

/** Every key that ever signed, oldest first. Times in ms since 1970. */
export function signingKeys(
  db: Db,
): Promise<{ id: string; publicKey: Buffer; createdAtMs: number; retiredAtMs: number | null }[]> {
  return many(
    db,
    z
      .object({
        id: z.string(),
        public_key: z.instanceof(Buffer),
        created_at: instant,
        retired_at: instant.nullable(),
      })
      .transform((row) => ({
        id: row.id,
        publicKey: row.public_key,
        createdAtMs: row.created_at,
        retiredAtMs: row.retired_at,
      })),
    `select id, public_key, created_at, retired_at from signing_key order by created_at, id`,
  );
}

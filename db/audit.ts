import { createHash } from 'node:crypto';
import { z } from 'zod';
import { chainStart, type AuditEntry, type ChainedEntry } from '../domain/audit-chain.ts';
import { canonicalJson, type Canonical } from '../domain/canonical-json.ts';
import { lackOf, type DeedValues } from '../domain/deeds.ts';
import { at, bigint, hex, many, maybeOne, type Db, type Transaction } from './sql.ts';

/** Who did something, when, and about what. */
export interface DeedAbout {
  atMs: number;
  /** `account:<login>`, `api-key:<name>` or `service:<what>`. */
  actor: string;
  tenantId?: string | undefined;
  cameraId?: string | undefined;
}

/** What an entry shows of something; never put a secret into it. */
export interface Audited {
  readonly [name: string]: Canonical;
}

/** What somebody did, with what it changed. */
export type Deed = DeedAbout & DeedValues<Audited>;

/**
 * Appends to the audit log, in the transaction of what was done: there is no change without its entry and no entry
 * without its change. Entries are written one at a time, so call it last: the lock holds until the commit.
 * @throws Error where it does not say what it changed, see `deedShapes`
 */
export async function recordDeed(tx: Transaction, deed: Deed): Promise<void> {
  const lack = lackOf(deed);
  if (lack !== null) throw new Error(`the audit entry ${deed.action} has no good "${lack}"`);
  // On its own: the next statement must see the entry of the lock's last holder.
  await tx.query(`select pg_advisory_xact_lock(hashtext('audit_entry'))`);
  const last = await lastEntry(tx);
  const entry: AuditEntry = {
    id: last.id + 1,
    at: new Date(deed.atMs).toISOString(),
    actor: deed.actor,
    action: deed.action,
    tenantId: deed.tenantId ?? null,
    cameraId: deed.cameraId ?? null,
    before: deed.before ?? null,
    after: deed.after ?? null,
  };
  const body = canonicalJson(entry);
  await tx.query(
    `insert into audit_entry (id, at, actor, action, tenant_id, camera_id, body, hash)
     values ($1::bigint, $2::timestamptz, $3::text, $4::text, $5::uuid, $6::uuid, $7::text, decode($8::text, 'hex'))`,
    [
      entry.id,
      at(deed.atMs),
      entry.actor,
      entry.action,
      entry.tenantId,
      entry.cameraId,
      body,
      auditHash(last.hash, body),
    ],
  );
}

/** The newest entry's number and hash; 0 and zeros before the first. */
export async function lastEntry(db: Db): Promise<{ id: number; hash: string }> {
  const found = await maybeOne(
    db,
    z.object({ id: bigint, hash: hex }),
    `select id, hash from audit_entry order by id desc limit 1`,
  );
  return found ?? { id: 0, hash: chainStart };
}

/** SHA-256 (hex) of the previous hash's bytes and an entry's canonical text. */
export function auditHash(previousHash: string, body: string): string {
  return createHash('sha256').update(Buffer.from(previousHash, 'hex')).update(body).digest('hex');
}

/** Entries after a number, in order, as they are chained. */
export function chainedEntries(db: Db, afterId: number, limit: number): Promise<ChainedEntry[]> {
  return many(
    db,
    z.object({ id: bigint, body: z.string(), hash: hex }),
    `select id, body, hash from audit_entry where id > $1::bigint order by id limit $2::int`,
    [afterId, limit],
  );
}

/** A page of entries, newest first. */
export function listAuditEntries(
  db: Db,
  page: { cameraId?: string | undefined; tenantId?: string | undefined; beforeId?: number | undefined; limit: number },
): Promise<ChainedEntry[]> {
  return many(
    db,
    z.object({ id: bigint, body: z.string(), hash: hex }),
    `select id, body, hash from audit_entry
     where ($1::uuid is null or camera_id = $1::uuid) and ($2::uuid is null or tenant_id = $2::uuid)
       and ($3::bigint is null or id < $3::bigint)
     order by id desc limit $4::int`,
    [page.cameraId ?? null, page.tenantId ?? null, page.beforeId ?? null, page.limit],
  );
}

import { z } from 'zod';
import { certifiedLines } from './certificates.ts';
import { forgetFinding, settleFinding } from './reconcile-findings.ts';
import { neverStoredSql } from './segments.ts';
import { at, bigint, instant, many, maybeOne, type Db, type Transaction } from './sql.ts';
import { objectColumns, objectShape, toObjectRow, type ObjectRow } from './object-row.ts';

/** Every camera there ever was: their rows stay when they are purged. */
export interface ReconciledCamera {
  internalId: number;
  cameraId: string;
  tenantId: string;
  status: 'kept' | 'purging' | 'purged';
}

const cameraRow = z
  .object({ id: z.number(), public_id: z.string(), tenant_id: z.string(), status: z.string() })
  .transform((row): ReconciledCamera => ({
    internalId: row.id,
    cameraId: row.public_id,
    tenantId: row.tenant_id,
    status: row.status === 'purging' || row.status === 'purged' ? row.status : 'kept',
  }));

/** The cameras of one shard in the order of their internal ids. */
export function camerasOfShard(
  db: Db,
  shard: { shard: number; shards: number; fromId: number },
): Promise<ReconciledCamera[]> {
  return many(
    db,
    cameraRow,
    `select c.id, c.public_id, t.public_id as tenant_id, c.status from camera c join tenant t on t.id = c.tenant_id
     where c.id % $2::int = $1::int and c.id >= $3::int order by c.id`,
    [shard.shard, shard.shards, shard.fromId],
  );
}

/** A camera by its internal id, or null. */
export function reconciledCamera(db: Db, internalId: number): Promise<ReconciledCamera | null> {
  return maybeOne(
    db,
    cameraRow,
    `select c.id, c.public_id, t.public_id as tenant_id, c.status from camera c join tenant t on t.id = c.tenant_id
     where c.id = $1::int`,
    [internalId],
  );
}

/** How many cameras there are, and which of these tenants and cameras exist. */
export async function countCameras(db: Db): Promise<number> {
  const row = await maybeOne(db, z.object({ count: bigint }), `select count(*) as count from camera`);
  return row?.count ?? 0;
}

/** Those of these public ids that a tenant, or a camera of that tenant, bears. */
export async function knownFolders(db: Db, of: { tenantId?: string }, ids: readonly string[]): Promise<Set<string>> {
  const rows = await many(
    db,
    z.object({ id: z.string() }).transform(({ id }) => id),
    of.tenantId === undefined
      ? `select public_id::text as id from tenant where public_id::text = any($1::text[])`
      : `select c.public_id::text as id from camera c join tenant t on t.id = c.tenant_id
         where c.public_id::text = any($1::text[]) and t.public_id::text = $2::text`,
    of.tenantId === undefined ? [ids] : [ids, of.tenantId],
  );
  return new Set(rows);
}

/** What a row says about its object. */
export interface ComparedRow extends ObjectRow {
  /** It is being deleted: its object may be there or not. */
  isDeleting: boolean;
}

const comparedRow = objectShape
  .extend({ state: z.number() })
  .transform((row): ComparedRow => ({ ...toObjectRow(row), isDeleting: row.state !== 0 }));

/** A page of a camera's rows in the order of their start. */
export function comparedRows(
  db: Db,
  internalId: number,
  page: { fromMs: number | null; afterMs: number | null; limit: number },
): Promise<ComparedRow[]> {
  return many(
    db,
    comparedRow,
    `select ${objectColumns}, state from segment
     where camera_id = $1::int and start_at >= coalesce($2::timestamptz, '-infinity')
       and start_at > coalesce($3::timestamptz, '-infinity')
     order by start_at limit $4::int`,
    [internalId, at(page.fromMs), at(page.afterMs), page.limit],
  );
}

/** What the catalogue knows about a stored object. */
export interface StrayFacts {
  /** A row names it after all. */
  isCatalogued: boolean;
  isCollected: boolean;
  /** By the ledger; certificates are asked by `certifiedAmong`. */
  wasDeleted: boolean;
  isHeld: boolean;
  freeMs: number;
}

export interface StrayName {
  key: string;
  startMs: number;
  durationMs: number;
  epoch: number;
  /** Its first 16 hex digits. */
  sha256: string;
}

/** What the catalogue knows about these objects of a camera, by key. @param atMs when a hold must last */
export async function strayFacts(
  db: Db,
  internalId: number,
  strays: readonly StrayName[],
  atMs: number,
): Promise<Map<string, StrayFacts>> {
  const rows = await many(
    db,
    z.object({
      key: z.string(),
      catalogued: z.boolean(),
      collected: z.boolean(),
      deleted: z.boolean(),
      held: z.boolean(),
      free_ms: z.coerce.number(),
    }),
    `select w.key,
       exists (select from segment s where s.camera_id = $1::int and s.start_at = w.start_at
         and left(encode(s.sha256, 'hex'), 16) = w.sha256) as catalogued,
       exists (select from object_gc g where g.key = w.key) as collected,
       exists (select from deleted_segment d where d.camera_id = $1::int and d.start_at = w.start_at
         and left(encode(d.sha256, 'hex'), 16) = w.sha256) as deleted,
       exists (select from hold h where h.camera_id = $1::int and h.released_at is null
         and coalesce(h.until_at, 'infinity') > $6::timestamptz and h.start_at < w.end_at and h.end_at > w.start_at)
         as held,
       (select coalesce(sum(extract(epoch from upper(part) - lower(part))) * 1000, 0)
        from ${neverStoredSql('$1::int', 'w.start_at', 'w.end_at', 'w.epoch')} as part) as free_ms
     from unnest($2::text[], $3::timestamptz[], $4::timestamptz[], $5::text[], $7::int[])
       as w (key, start_at, end_at, sha256, epoch)`,
    [
      internalId,
      strays.map(({ key }) => key),
      strays.map(({ startMs }) => at(startMs)),
      strays.map(({ startMs, durationMs }) => at(startMs + durationMs)),
      strays.map(({ sha256 }) => sha256),
      at(atMs),
      strays.map(({ epoch }) => epoch),
    ],
  );
  return new Map(
    rows.map((row) => [
      row.key,
      {
        isCatalogued: row.catalogued,
        isCollected: row.collected,
        wasDeleted: row.deleted,
        isHeld: row.held,
        freeMs: row.free_ms,
      },
    ]),
  );
}

/** The certificates of a camera whose lists have been read, and which keys asked for they hold. */
export interface CertifiedKeys {
  certificates: Set<string>;
  keys: Set<string>;
}

/**
 * Which of these keys a certificate of the camera says are deleted.
 * @param known of the same keys: a certificate never changes, so only newer ones are read, and are added to it. A camera
 * may have 36 lists of 4,300 lines each.
 */
export async function certifiedAmong(
  db: Db,
  cameraId: string,
  keys: ReadonlySet<string>,
  known: CertifiedKeys = { certificates: new Set(), keys: new Set() },
): Promise<ReadonlySet<string>> {
  if (keys.size === 0) return known.keys;
  const fresh = await many(
    db,
    z.object({ id: z.string() }),
    `select id from certificate where camera_id = $1::uuid and id <> all($2::uuid[]) order by id`,
    [cameraId, [...known.certificates]],
  );
  // Each list is read by itself, since one may hold 50,000 lines.
  for (const { id } of fresh) {
    for (const line of ((await certifiedLines(db, id)) ?? '').split('\n')) {
      const key = line.slice(0, line.indexOf(' '));
      if (keys.has(key)) known.keys.add(key);
    }
    known.certificates.add(id);
  }
  return known.keys;
}

/** Whether a key waits in `object_gc`; where the collector is just deleting it, this waits for that. */
export async function isWaitingForDeletion(tx: Transaction, key: string): Promise<boolean> {
  return (await tx.query(`select from object_gc where key = $1::text for update`, [key])).rowCount === 1;
}

/**
 * Makes a `missing` gap of a live row whose object is gone, and keeps the row as evidence in its finding.
 * @param text for people, in the gap's evidence
 * @returns where the lost footage ends; null when the row is not there any more, or its object waits for its deletion:
 *   then nothing is wrong
 */
export async function loseRow(
  tx: Transaction,
  finding: { id: number; key: string; internalId: number; startMs: number; sha256Prefix: string },
  lost: { text: string; atMs: number },
): Promise<number | null> {
  const gone = (await isWaitingForDeletion(tx, finding.key))
    ? null
    : await maybeOne(
        tx,
        z.object({ row: z.record(z.string(), z.unknown()), end_at: instant }),
        `delete from segment s where camera_id = $1::int and start_at = $2::timestamptz and state = 0
           and left(encode(sha256, 'hex'), 16) = $3::text
         returning to_jsonb(s) as row, start_at + duration_ms * interval '1 ms' as end_at`,
        [finding.internalId, at(finding.startMs), finding.sha256Prefix],
      );
  if (gone === null) {
    await forgetFinding(tx, finding.id);
    return null;
  }
  await tx.query(
    `insert into gap (camera_id, start_at, end_at, reason, evidence)
     values ($1::int, $2::timestamptz, $3::timestamptz, 'missing', $4::jsonb)`,
    [finding.internalId, at(finding.startMs), at(gone.end_at), JSON.stringify({ lastError: lost.text })],
  );
  await settleFinding(tx, finding.id, { state: 'missing', atMs: lost.atMs, evidence: gone.row });
  return gone.end_at;
}

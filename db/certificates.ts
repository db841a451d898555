import { gunzipSync, gzipSync } from 'node:zlib';
import { z } from 'zod';
import type { DeletionCause } from './deletion-ledger.ts';
import { at, instant, many, maybeOne, type Db, type Transaction } from './sql.ts';
import { objectColumns, objectShape, toObjectRow, type ObjectRow } from './object-row.ts';

/** A certificate as it is kept. */
export interface StoredCertificate {
  id: string;
  kind: 'purge' | 'retention' | 'tenant';
  tenantId: string;
  cameraId: string | null;
  /** `2026-11`; of rolling deletions. */
  month: string | null;
  issuedAtMs: number;
  /** The signed JSON, as it is handed out. */
  document: string;
}

const certificateRow = z
  .object({
    id: z.string(),
    kind: z.enum(['purge', 'retention', 'tenant']),
    tenant_id: z.string(),
    camera_id: z.string().nullable(),
    month: z.string().nullable(),
    issued_at: instant,
    document: z.string(),
  })
  .transform((row): StoredCertificate => ({
    id: row.id,
    kind: row.kind,
    tenantId: row.tenant_id,
    cameraId: row.camera_id,
    month: row.month,
    issuedAtMs: row.issued_at,
    document: row.document,
  }));

const selectCertificate = `select id, kind, tenant_id, camera_id, to_char(month, 'YYYY-MM') as month, issued_at, document
  from certificate`;

/**
 * Keeps a certificate; there is one for each purge, for each tenant, and for each camera and month.
 * @param lines what its digest is over; null for a tenant's
 */
export async function insertCertificate(
  tx: Transaction,
  certificate: StoredCertificate,
  lines: string | null,
): Promise<void> {
  await tx.query(
    `insert into certificate (id, kind, tenant_id, camera_id, month, issued_at, document, object_list)
     values ($1::uuid, $2::text, $3::uuid, $4::uuid, to_date($5::text, 'YYYY-MM'), $6::timestamptz, $7::text, $8::bytea)`,
    [
      certificate.id,
      certificate.kind,
      certificate.tenantId,
      certificate.cameraId,
      certificate.month,
      at(certificate.issuedAtMs),
      certificate.document,
      lines === null ? null : gzipSync(lines),
    ],
  );
}

/** The certificate with this id, or null. */
export function certificateById(db: Db, id: string): Promise<StoredCertificate | null> {
  return maybeOne(db, certificateRow, `${selectCertificate} where id = $1::uuid`, [id]);
}

/** A page of certificates in the order they were issued; those of one millisecond come in any order. */
export function listCertificates(
  db: Db,
  page: { cameraId?: string | undefined; tenantId?: string | undefined; afterId?: string | undefined; limit: number },
): Promise<StoredCertificate[]> {
  return many(
    db,
    certificateRow,
    `${selectCertificate}
     where ($1::uuid is null or camera_id = $1::uuid) and ($2::uuid is null or tenant_id = $2::uuid)
       and ($3::uuid is null or id > $3::uuid)
     order by id limit $4::int`,
    [page.cameraId ?? null, page.tenantId ?? null, page.afterId ?? null, page.limit],
  );
}

/** The lines that a certificate's digest is over, or null. */
export async function certifiedLines(db: Db, id: string): Promise<string | null> {
  const found = await maybeOne(
    db,
    z.object({ object_list: z.instanceof(Buffer).nullable() }),
    `select object_list from certificate where id = $1::uuid`,
    [id],
  );
  const list = found?.object_list ?? null;
  return list === null ? null : gunzipSync(list).toString('utf8');
}

/** What of a camera's ledger a certificate takes in. */
interface LedgerPart {
  cause: DeletionCause;
  fromMs: number;
  /** Deleted before it. */
  untilMs: number;
}

/** Rows of a part, as an SQL condition on `partValues`. */
const ofPart = `camera_id = $1::int and cause = $2::text and deleted_at >= $3::timestamptz and deleted_at < $4::timestamptz`;
const partValues = (internalId: number, part: LedgerPart): unknown[] => [
  internalId,
  part.cause,
  at(part.fromMs),
  at(part.untilMs),
];

/** Locks a part of the ledger until the certificate is issued: of two workers the second one waits here. */
export async function lockLedger(tx: Transaction, internalId: number, part: LedgerPart): Promise<void> {
  // On its own: the next statement must see what the lock's last holder left.
  await tx.query(
    `select from deleted_segment
     where ${ofPart} order by start_at for update`,
    partValues(internalId, part),
  );
}

/** What the ledger holds of a camera: gone, and in no certificate yet. */
export function ledgerOf(db: Db, internalId: number, part: LedgerPart): Promise<ObjectRow[]> {
  return many(
    db,
    objectShape.transform(toObjectRow),
    `select ${objectColumns} from deleted_segment
     where ${ofPart} order by start_at`,
    partValues(internalId, part),
  );
}

/**
 * Takes out of the ledger what a certificate now holds.
 * @param part.rows as many as the certificate holds
 * @throws Error where there are more or fewer: what came in since they were read would be in no certificate
 */
export async function clearLedger(
  tx: Transaction,
  internalId: number,
  { rows, ...part }: LedgerPart & { rows: number },
): Promise<void> {
  const { rowCount } = await tx.query(`delete from deleted_segment where ${ofPart}`, partValues(internalId, part));
  if (rowCount === rows) return;
  throw new Error(`the ledger of camera ${internalId} changed while it was certified: ${rows} rows, then ${rowCount}`);
}

/** A camera and month of rolling deletions that no certificate has taken in. */
export interface OpenMonth {
  internalId: number;
  cameraId: string;
  cameraName: string;
  tenantId: string;
  tenantName: string;
  month: string;
  fromMs: number;
  untilMs: number;
}

/** A page of the months that had ended by then and have rolling deletions, oldest first. */
export function openMonths(
  db: Db,
  nowMs: number,
  page: { after?: Pick<OpenMonth, 'fromMs' | 'internalId'> | undefined; limit: number },
): Promise<OpenMonth[]> {
  return many(
    db,
    z
      .object({
        id: z.number(),
        public_id: z.string(),
        name: z.string(),
        tenant_id: z.string(),
        tenant_name: z.string(),
        month: z.string(),
        from_at: instant,
        until_at: instant,
      })
      .transform((row): OpenMonth => ({
        internalId: row.id,
        cameraId: row.public_id,
        cameraName: row.name,
        tenantId: row.tenant_id,
        tenantName: row.tenant_name,
        month: row.month,
        fromMs: row.from_at,
        untilMs: row.until_at,
      })),
    `select c.id, c.public_id, c.name, t.public_id as tenant_id, t.name as tenant_name,
       to_char(d.month at time zone 'UTC', 'YYYY-MM') as month, d.month as from_at,
       (d.month at time zone 'UTC' + interval '1 month') at time zone 'UTC' as until_at
     from (select distinct camera_id, date_trunc('month', deleted_at, 'UTC') as month from deleted_segment
           where cause = 'retention' and deleted_at < date_trunc('month', $1::timestamptz, 'UTC')) d
     join camera c on c.id = d.camera_id join tenant t on t.id = c.tenant_id
     where $3::timestamptz is null or (d.month, c.id) > ($3::timestamptz, $4::int)
     order by d.month, c.id limit $2::int`,
    [at(nowMs), page.limit, at(page.after?.fromMs), page.after?.internalId ?? 0],
  );
}

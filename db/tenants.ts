import { z } from 'zod';
import { changeOfGraceArchive, type GraceArchive, type GraceTerms } from '../domain/retention.ts';
import { AppError } from '../errors.ts';
import { at, instant, many, maybeOne, one, type Db, type Transaction } from './sql.ts';

/** A customer. Times in ms since 1970. */
export interface Tenant extends GraceTerms {
  id: string;
  name: string;
  createdAtMs: number;
  /** How long the archive of its retired cameras stays; null: as the installation is set. */
  graceDays: number | null;
}

const tenantColumns = `public_id, name, created_at, grace_days, grace_archive, rolling_at`;
const tenantRow = z
  .object({
    public_id: z.string(),
    name: z.string(),
    created_at: instant,
    grace_days: z.number().nullable(),
    grace_archive: z.enum(['frozen', 'rolling']),
    rolling_at: instant.nullable(),
  })
  .transform((row): Tenant => ({
    id: row.public_id,
    name: row.name,
    createdAtMs: row.created_at,
    graceDays: row.grace_days,
    graceArchive: row.grace_archive,
    rollsAtMs: row.rolling_at,
  }));

/** Makes a tenant. @throws the driver's unique violation when the name is taken */
export function insertTenant(db: Db, name: string): Promise<Tenant> {
  return one(db, tenantRow, `insert into tenant (name) values ($1) returning ${tenantColumns}`, [name]);
}

/** Tenants in the order they were made, those after `afterId` (a tenant's id). */
export function listTenants(db: Db, page: { afterId?: string | undefined; limit: number }): Promise<Tenant[]> {
  return many(
    db,
    tenantRow,
    `select ${tenantColumns} from tenant
     where $1::uuid is null or public_id > $1::uuid
     order by public_id limit $2`,
    [page.afterId ?? null, page.limit],
  );
}

/** The tenant with this id, locked; null when there is none. */
export function lockTenant(tx: Transaction, id: string): Promise<Tenant | null> {
  return maybeOne(tx, tenantRow, `select ${tenantColumns} from tenant where public_id = $1::uuid for update`, [id]);
}

/** How long the archive of this tenant's cameras stays once they are retired; null: as the installation is set. */
export async function setGraceDays(tx: Transaction, id: string, graceDays: number | null): Promise<void> {
  await tx.query(`update tenant set grace_days = $2::int where public_id = $1::uuid`, [id, graceDays]);
}

/**
 * Asks for a tenant's footage to age in grace, which it does after `shorteningDelayMs`, or not to, which holds at once
 * and takes back the former.
 * @param tenant as `lockTenant` found it
 * @param nowMs the later of the clocks there are: by one that is slow the delay would be over before it began
 */
export async function changeGraceArchive(
  tx: Transaction,
  tenant: Tenant,
  wanted: GraceArchive,
  nowMs: number,
): Promise<Tenant> {
  const { graceArchive, rollsAtMs } = changeOfGraceArchive(tenant, wanted, nowMs);
  await tx.query(
    `update tenant set grace_archive = $2::text, rolling_at = $3::timestamptz where public_id = $1::uuid`,
    [tenant.id, graceArchive, at(rollsAtMs)],
  );
  return { ...tenant, graceArchive, rollsAtMs };
}

/**
 * Has the archives age of which the delay is over. Call it before anything that locks cameras, see `lockTerms`.
 * @returns the tenants
 */
export function applyRolling(tx: Transaction, nowMs: number): Promise<Tenant[]> {
  return many(
    tx,
    tenantRow,
    `update tenant set grace_archive = 'rolling', rolling_at = null where rolling_at <= $1::timestamptz
     returning ${tenantColumns}`,
    [at(nowMs)],
  );
}

/** The tenant that the first migration makes; cameras without a tenant belong to it. */
export function defaultTenant(db: Db): Promise<Tenant> {
  return one(db, tenantRow, `select ${tenantColumns} from tenant order by id limit 1`, []);
}

/** The tenant with this id, or null. */
export function tenantById(db: Db, id: string): Promise<Tenant | null> {
  return maybeOne(db, tenantRow, `select ${tenantColumns} from tenant where public_id = $1::uuid`, [id]);
}

/** The error of an unknown tenant id. */
export function noSuchTenant(): AppError {
  return new AppError('not-found', 'There is no such tenant.');
}

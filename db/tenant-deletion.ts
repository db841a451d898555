import { z } from 'zod';
import { cameraIntents, cameraStates } from '../domain/camera.ts';
import type { TenantCertificate } from '../domain/certificate.ts';
import { dayOf, lastDayWhenEnded } from '../domain/contract.ts';
import { AppError } from '../errors.ts';
import { recordDeed, type Deed } from './audit.ts';
import { changeIntent } from './camera-changes.ts';
import type { ChangeClocks } from './clock.ts';
import { markContractEnded, openContractOf, setContractEnd } from './contracts.ts';
import { requestPurge } from './purge.ts';
import { at, bigint, instant, many, maybeOne, type Db, type Transaction } from './sql.ts';
import { noSuchTenant } from './tenants.ts';

/** A change of intent that the camera's workflow is to be told of. */
export interface Told {
  cameraId: string;
  configVersion: number;
}

interface Times {
  nowMs: number;
  /** Grace of tenants without one of their own. */
  graceMs: number;
  /** By which cameras are retired and grace ends; see `changeIntent`. */
  clocks: ChangeClocks;
  /** Who does it, as the audit log names them. */
  by: string;
}

/**
 * Retires all cameras of a tenant that are not retired; the path on which a contract ends. Each has its entry in the
 * audit log: call it after all that locks rows.
 */
export async function retireCamerasOf(tx: Transaction, tenantId: string, times: Times): Promise<Told[]> {
  const retired = await retire(tx, tenantId, times);
  for (const { deed } of retired) await recordDeed(tx, deed);
  return retired.map(({ told }) => told);
}

interface Decided {
  told: Told;
  deed: Deed;
}

/** Without its entries, which come last: others that wait for a camera's row may hold the log. */
async function retire(tx: Transaction, tenantId: string, times: Times): Promise<Decided[]> {
  const decided: Decided[] = [];
  const deed = { atMs: times.nowMs, actor: times.by, action: 'camera.retire', tenantId } as const;
  for (const { cameraId, name, intent } of await camerasLeft(tx, tenantId)) {
    if (intent === 'retired') continue;
    const told = { cameraId, configVersion: await changeIntent(tx, cameraId, 'retire', times) };
    decided.push({ told, deed: { ...deed, cameraId, before: { name, intent }, after: { name, intent: 'retired' } } });
  }
  return decided;
}

/**
 * Begins a tenant's deletion: no camera can be added any more, each one it has is retired and purged at once, and its
 * contract ends.
 * @throws AppError not-found; wrong-state: the default tenant, or begun already
 */
export async function requestTenantDeletion(tx: Transaction, tenantId: string, request: Times): Promise<Told[]> {
  const tenant = await maybeOne(
    tx,
    z.object({ id: z.number(), is_default: z.boolean(), is_requested: z.boolean() }),
    `select id, id = (select min(id) from tenant) as is_default, deletion_requested_at is not null as is_requested
     from tenant where public_id = $1::uuid for update`,
    [tenantId],
  );
  if (tenant === null) throw noSuchTenant();
  if (tenant.is_default) throw new AppError('wrong-state', 'Cameras without a tenant belong to this one; it stays.');
  if (tenant.is_requested) throw new AppError('wrong-state', 'This tenant is being deleted already.');
  await tx.query(`update tenant set deletion_requested_at = $2::timestamptz where id = $1`, [
    tenant.id,
    at(request.nowMs),
  ]);
  return purgeCamerasOf(tx, tenantId, request);
}

/**
 * Retires and purges what a tenant still has, and ends its contract; also a camera and a contract that were added while
 * its deletion began.
 */
export async function purgeCamerasOf(tx: Transaction, tenantId: string, request: Times): Promise<Told[]> {
  // The contract before its cameras, as whoever ends one locks them.
  const ended = await endContract(tx, tenantId, request);
  const decided = await retire(tx, tenantId, request);
  const { by, nowMs } = request;
  for (const { cameraId, name, state, graceEndsAtMs, isRequested } of await camerasLeft(tx, tenantId)) {
    if (state !== 'grace' || isRequested) continue;
    const cause = 'tenant-deleted';
    const told = { cameraId, configVersion: await requestPurge(tx, cameraId, { by, cause, nowMs }) };
    const graceEndsAt = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
    const values = {
      before: { name, graceEndsAt: graceEndsAt(graceEndsAtMs) },
      after: { name, graceEndsAt: graceEndsAt(Math.min(nowMs, graceEndsAtMs ?? nowMs)), cause },
    };
    decided.push({ told, deed: { atMs: nowMs, actor: by, action: 'camera.purge', tenantId, cameraId, ...values } });
  }
  if (ended !== null) await recordDeed(tx, ended);
  for (const { deed } of decided) await recordDeed(tx, deed);
  // Of a camera that was retired and purged, the later version.
  return [...new Map(decided.map(({ told }) => [told.cameraId, told])).values()];
}

/**
 * Where no last day was agreed the contract is left early on this day: its exit fee stays what it is now. Its cameras are
 * retired in the same transaction.
 * @returns its entry for the audit log
 */
async function endContract(tx: Transaction, tenantId: string, { by, nowMs }: Times): Promise<Deed | null> {
  const contract = await openContractOf(tx, tenantId);
  if (contract === null) return null;
  const { id } = contract;
  const before = { id, endsOn: contract.endsOn, endReason: contract.endReason, endedAt: null };
  const agreed = {
    endsOn: contract.endsOn ?? lastDayWhenEnded(contract, dayOf(nowMs), 'early'),
    reason: contract.endReason ?? 'early',
  };
  if (contract.endsOn === null) await setContractEnd(tx, id, { ...agreed, nowMs });
  await markContractEnded(tx, id, nowMs);
  const endedAt = new Date(nowMs).toISOString();
  const after = { id, endsOn: agreed.endsOn, endReason: agreed.reason, endedAt, cause: 'tenant-deleted' };
  return { atMs: nowMs, actor: by, action: 'contract.end', tenantId, before, after };
}

/** A tenant's cameras that are not purged. */
export function camerasLeft(
  db: Db,
  tenantId: string,
): Promise<
  {
    cameraId: string;
    name: string;
    intent: (typeof cameraIntents)[number];
    state: (typeof cameraStates)[number];
    reason: string | null;
    graceEndsAtMs: number | null;
    isRequested: boolean;
  }[]
> {
  return many(
    db,
    z
      .object({
        public_id: z.string(),
        name: z.string(),
        intent: z.enum(cameraIntents),
        status: z.enum(cameraStates),
        status_reason: z.string().nullable(),
        grace_ends_at: instant.nullable(),
        is_requested: z.boolean(),
      })
      .transform((row) => ({
        cameraId: row.public_id,
        name: row.name,
        intent: row.intent,
        state: row.status,
        reason: row.status_reason,
        graceEndsAtMs: row.grace_ends_at,
        isRequested: row.is_requested,
      })),
    `select c.public_id, c.name, c.intent, c.status, c.status_reason, c.grace_ends_at,
       coalesce(p.cause = 'tenant-deleted', false) as is_requested
     from camera c join tenant t on t.id = c.tenant_id left join camera_purge p on p.camera_id = c.id
     where t.public_id = $1::uuid and c.status <> 'purged' order by c.id`,
    [tenantId],
  );
}

/** Tenants whose deletion was begun and is not done. */
export function tenantsToDelete(db: Db): Promise<{ id: string; name: string; internalId: number }[]> {
  return many(
    db,
    z
      .object({ public_id: z.string(), name: z.string(), id: z.number() })
      .transform((row) => ({ id: row.public_id, name: row.name, internalId: row.id })),
    `select public_id, name, id from tenant where deletion_requested_at is not null and deleted_at is null order by id`,
  );
}

/** The tenant with this id while its deletion goes on; locked. */
export function deletedTenant(
  tx: Transaction,
  tenantId: string,
): Promise<{ name: string; isRequested: boolean; isDeleted: boolean } | null> {
  return maybeOne(
    tx,
    z
      .object({ name: z.string(), is_requested: z.boolean(), is_deleted: z.boolean() })
      .transform((row) => ({ name: row.name, isRequested: row.is_requested, isDeleted: row.is_deleted })),
    `select name, deletion_requested_at is not null as is_requested, deleted_at is not null as is_deleted
     from tenant where public_id = $1::uuid for update`,
    [tenantId],
  );
}

/** What a tenant's certificate lists: each camera's own certificate. */
export function purgedCamerasOf(db: Db, tenantId: string): Promise<TenantCertificate['cameras']> {
  return many(
    db,
    z
      .object({
        public_id: z.string(),
        name: z.string(),
        id: z.string(),
        digest: z.string(),
        segments: bigint,
        bytes: bigint,
      })
      .transform((row) => ({
        id: row.public_id,
        name: row.name,
        certificateId: row.id,
        digest: row.digest,
        segments: row.segments,
        bytes: row.bytes,
      })),
    `select c.public_id, c.name, k.id, d.body #>> '{digest,value}' as digest,
       d.body #>> '{footage,segments}' as segments, d.body #>> '{footage,bytes}' as bytes
     from camera c
     join tenant t on t.id = c.tenant_id
     join certificate k on k.camera_id = c.public_id and k.kind = 'purge'
     cross join lateral (select k.document::jsonb -> 'document' as body) d
     where t.public_id = $1::uuid order by c.id`,
    [tenantId],
  );
}

/** Takes the names of a tenant and its cameras out of the catalogue; contracts and the audit log stay. */
export async function endTenantDeletion(tx: Transaction, tenantId: string, nowMs: number): Promise<void> {
  await tx.query(
    `update camera set name = public_id::text where tenant_id = (select id from tenant where public_id = $1::uuid)`,
    [tenantId],
  );
  await tx.query(
    `update tenant set name = 'deleted ' || public_id, deleted_at = $2::timestamptz where public_id = $1::uuid`,
    [tenantId, at(nowMs)],
  );
}

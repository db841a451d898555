import { recordDeed } from '../db/audit.ts';
import {
  camerasLeft,
  deletedTenant,
  endTenantDeletion,
  purgeCamerasOf,
  purgedCamerasOf,
  type Told,
} from '../db/tenant-deletion.ts';
import { readClocks } from '../db/clock.ts';
import { transaction, type Db, type Pool, type Transaction } from '../db/sql.ts';
import type { TenantCertificate } from '../domain/certificate.ts';
import { noFailpoint, type Failpoint } from '../recorder/failpoint.ts';
import type { Sealer } from '../security/seal.ts';
import { certify } from './certify.ts';

export interface DeleteTenantActivities {
  /** Ends a tenant's deletion once all its cameras are purged; `waits`: for what, as a sentence. */
  finishTenantDeletion(tenantId: string): Promise<{ kind: 'done' } | { kind: 'waits'; reason: string }>;
}

/** What purges a tenant's cameras is each camera's own workflow; this waits for them and certifies the whole. */
export function createDeleteTenantActivities(deps: {
  db: Pool;
  sealer: Sealer;
  now: () => number;
  /** For tests of time: the database's own clock. */
  databaseNow?: (db: Db) => Promise<number>;
  /** Tells a camera's workflow of a purge; ensure-cameras repairs what is lost. */
  tell: (change: Told) => Promise<void>;
  failpoint?: Failpoint;
}): DeleteTenantActivities {
  return {
    async finishTenantDeletion(tenantId) {
      const nowMs = deps.now();
      const step = await transaction(deps.db, async (tx) => {
        const tenant = await deletedTenant(tx, tenantId);
        if (tenant === null || !tenant.isRequested || tenant.isDeleted) return { left: [], told: [] };
        const times = { nowMs, graceMs: 0, clocks: await readClocks(tx, deps) };
        const told = await purgeCamerasOf(tx, tenantId, { by: 'service:tenant', ...times });
        const left = await camerasLeft(tx, tenantId);
        if (left.length === 0) await certifyTenant(tx, { ...deps, nowMs }, { id: tenantId, name: tenant.name });
        return { left, told };
      });
      for (const change of step.told) await deps.tell(change);
      const [first] = step.left;
      if (first === undefined) {
        await (deps.failpoint ?? noFailpoint)('certified');
        return { kind: 'done' };
      }
      const why = first.reason === null ? first.state : `${first.state}: ${first.reason}`;
      return { kind: 'waits', reason: `${step.left.length} camera(s) are not purged yet; ${first.name} is ${why}` };
    },
  };
}

async function certifyTenant(
  tx: Transaction,
  deps: { sealer: Sealer; nowMs: number; failpoint?: Failpoint },
  tenant: TenantCertificate['tenant'],
): Promise<void> {
  const { nowMs } = deps;
  const cameras = await purgedCamerasOf(tx, tenant.id);
  // Before the audit log is locked by what follows: whoever changes a camera has its row and waits for the log.
  await endTenantDeletion(tx, tenant.id, nowMs);
  const about = { tenantId: tenant.id, cameraId: null, month: null, lines: null };
  await certify(tx, deps, about, (issued) => ({ ...issued, kind: 'tenant', tenant, cameras }));
  const values = { tenantId: tenant.id, before: { name: tenant.name, cameras: cameras.length } };
  await recordDeed(tx, { atMs: nowMs, actor: 'service:tenant', action: 'tenant.deleted', ...values });
}

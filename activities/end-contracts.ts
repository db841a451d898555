import { recordDeed } from '../db/audit.ts';
import { contractsToEnd, markContractEnded } from '../db/contracts.ts';
import { retireCamerasOf, tenantsToDelete, type Told } from '../db/tenant-deletion.ts';
import { transaction, type Pool } from '../db/sql.ts';
import { dayOf } from '../domain/contract.ts';
import { readEndingClocks, type DeletionClockDeps } from './deletion-clocks.ts';

export interface EndContractsActivities {
  /** Retires the cameras of contracts whose last day is over; answers how many contracts and cameras that were. */
  endContracts(): Promise<{ contracts: number; cameras: number }>;
  /** Starts the deletions of tenants that were asked for while Temporal was away. */
  ensureTenantDeletions(): Promise<void>;
}

interface EndContractsDeps extends DeletionClockDeps {
  db: Pool;
  /** Grace of tenants without one of their own. */
  graceMs: number;
  /** Tells a camera's workflow that it is retired; ensure-cameras repairs what is lost. */
  tell: (change: Told) => Promise<void>;
  startTenantDeletion: (tenantId: string) => Promise<void>;
}

export function createEndContractsActivities(deps: EndContractsDeps): EndContractsActivities {
  return {
    async endContracts() {
      const result = { contracts: 0, cameras: 0 };
      // Over by every clock or by none, and grace goes on until it is: one that is years ahead ends nothing.
      const { doubt, ...clocks } = await readEndingClocks(deps);
      if (doubt !== null) {
        deps.log.error({ doubt }, 'no contract ends by these clocks');
        return result;
      }
      const nowMs = clocks.earlierMs;
      const times = { nowMs, graceMs: deps.graceMs, clocks, by: 'service:contract' };
      for (const contract of await contractsToEnd(deps.db, dayOf(nowMs))) {
        const told = await transaction(deps.db, async (tx) => {
          if (!(await markContractEnded(tx, contract.id, nowMs))) return null;
          const retired = await retireCamerasOf(tx, contract.tenantId, times);
          const { id, tenantId, endsOn, endReason } = contract;
          const [before, endedAt] = [{ id, endsOn, endReason, endedAt: null }, new Date(nowMs).toISOString()];
          const values = { before, after: { ...before, endedAt, retired: retired.length } };
          await recordDeed(tx, { atMs: nowMs, actor: times.by, action: 'contract.end', tenantId, ...values });
          return retired;
        });
        if (told === null) continue;
        result.contracts += 1;
        result.cameras += told.length;
        for (const change of told) await deps.tell(change);
        deps.log.info({ contract: contract.id, cameras: told.length, reason: contract.endReason }, 'contract ended');
      }
      return result;
    },
    async ensureTenantDeletions() {
      for (const { id } of await tenantsToDelete(deps.db)) await deps.startTenantDeletion(id);
    },
  };
}

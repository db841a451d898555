import type { Client } from '@temporalio/client';
import { createCertifyRetentionActivities } from '../activities/certify-retention.ts';
import { createDeleteTenantActivities } from '../activities/delete-tenant.ts';
import { createEndContractsActivities } from '../activities/end-contracts.ts';
import { createPurgeActivities, type PurgeActivities } from '../activities/purge.ts';
import type { Told } from '../db/tenant-deletion.ts';
import { createSealer } from '../security/seal.ts';
import { sendIntentUpdate } from '../temporal/camera-workflows.ts';
import { startTenantDeletion } from '../temporal/tenant-workflows.ts';
import type { RoleContext } from './role.ts';

/** The activities of purges. */
export function createPurgeWork({ db, objects, log, now, services, failpoint }: RoleContext): PurgeActivities {
  return createPurgeActivities({ db, objects, sealer: createSealer(services.secretKey), log, now, failpoint });
}

/** The activities of grace, certificates, contracts and tenants that leave. */
export function createLifecycleActivities(context: RoleContext, client: Client) {
  const { db, objects, log, now, config, services, failpoint } = context;
  const sealer = createSealer(services.secretKey);
  const tell = async ({ cameraId, configVersion }: Told): Promise<void> => {
    await sendIntentUpdate(client, cameraId, 'retire', configVersion);
  };
  return {
    ...createCertifyRetentionActivities({ db, objects, sealer, log, now, failpoint }),
    ...createDeleteTenantActivities({ db, sealer, now, tell, failpoint }),
    ...createEndContractsActivities({
      db,
      objects,
      graceMs: config.graceDays * 24 * 3_600_000,
      now,
      log,
      tell,
      startTenantDeletion: (tenantId) => startTenantDeletion(client, tenantId),
    }),
  };
}

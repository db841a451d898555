import { MockActivityEnvironment } from '@temporalio/testing';
import { createCertifyRetentionActivities } from '../../activities/certify-retention.ts';
import { createCollectObjectsActivities } from '../../activities/collect-objects.ts';
import { createDeleteTenantActivities } from '../../activities/delete-tenant.ts';
import { createPurgeActivities } from '../../activities/purge.ts';
import { createSweepRetentionActivities } from '../../activities/sweep-retention.ts';
import { createPool } from '../../db/sql.ts';
import { createLogger } from '../../log.ts';
import { noFailpoint, type Failpoint } from '../../recorder/failpoint.ts';
import { createSealer } from '../../security/seal.ts';
import { createObjects, type ObjectsOptions } from '../../storage/objects.ts';
import { dieStanding, givenWork } from '../support/killed-process.ts';

/** What a worker is to do; `id` names the camera or tenant. All clocks say `nowMs`. */
export interface LifecycleWork {
  kind: 'sweep' | 'month' | 'purge' | 'tenant' | 'collect';
  databaseUrl: string;
  id: string;
  nowMs: number;
  /** Where it stands when its process is killed. */
  killAt: string;
}

export interface LifecycleProcess {
  work: LifecycleWork[];
  s3: ObjectsOptions;
  secretKey: string;
  /** Else it carries all out, one after the other. */
  isKilled: boolean;
}

// A worker's activities in a process of its own, to be killed; what Temporal adds is that they are called again.
const given = givenWork<LifecycleProcess>();
const objects = createObjects(given.s3);

async function carryOut({ kind, databaseUrl, id, nowMs }: LifecycleWork, failpoint: Failpoint): Promise<unknown> {
  const db = createPool(databaseUrl, { max: 3, applicationName: 'lifecycle-process' });
  const deps = {
    db,
    objects,
    sealer: createSealer(given.secretKey),
    log: createLogger({ level: 'silent', name: 'lifecycle-process' }),
    now: () => nowMs,
    databaseNow: async () => nowMs,
    storeNow: async () => nowMs,
    failpoint,
  };
  const inActivity = <T>(work: () => Promise<T>): Promise<T> => new MockActivityEnvironment().run(work);
  try {
    if (kind === 'month') return await inActivity(() => createCertifyRetentionActivities(deps).certifyRetention());
    if (kind === 'collect') return await inActivity(() => createCollectObjectsActivities(deps).collectObjects());
    if (kind === 'tenant') {
      return await createDeleteTenantActivities({ ...deps, tell: async () => undefined }).finishTenantDeletion(id);
    }
    if (kind === 'purge') {
      const purge = createPurgeActivities(deps);
      const started = await inActivity(() => purge.startPurge(id));
      await failpoint('begun');
      if (started.kind !== 'done') return started;
      await inActivity(() => purge.deletePurgedFootage(id));
      await failpoint('deleted');
      return await inActivity(() => purge.finishPurge(id));
    }
    const sweep = createSweepRetentionActivities(deps);
    const plan = await sweep.planSweep();
    if (plan === null) throw new Error('the sweep was stopped');
    const swept = await inActivity(() => sweep.sweepShard({ ...plan, shard: 0, shards: 1 }));
    await failpoint('swept');
    await sweep.completeSweep({ ...plan, ...swept, isWhole: true });
    return swept;
  } finally {
    await db.end();
  }
}

if (given.isKilled) await dieStanding(given.work, carryOut);
for (const work of given.work) await carryOut(work, noFailpoint);
objects.close();

import { MockActivityEnvironment } from '@temporalio/testing';
import { createCertifyRetentionActivities } from '../../activities/certify-retention.ts';
import { createDeleteTenantActivities } from '../../activities/delete-tenant.ts';
import { createPurgeActivities } from '../../activities/purge.ts';
import { createSweepRetentionActivities } from '../../activities/sweep-retention.ts';
import { createPool } from '../../db/sql.ts';
import { createLogger } from '../../log.ts';
import { createSealer } from '../../security/seal.ts';
import { createObjects, type ObjectsOptions } from '../../storage/objects.ts';

/** What a worker is to do; `id` names the camera or tenant. All clocks say `nowMs`. */
export interface LifecycleWork {
  kind: 'sweep' | 'month' | 'purge' | 'tenant';
  databaseUrl: string;
  id: string;
  nowMs: number;
}

/** What such a process reads from its environment variable LIFECYCLE. */
export interface LifecycleProcess {
  work: LifecycleWork[];
  s3: ObjectsOptions;
  secretKey: string;
  /** The failpoint at which it ends itself by SIGKILL. */
  killAt?: string;
}

// A worker's activities in a process of its own, to be killed; what Temporal adds is that they are called again.
const given = JSON.parse(process.env['LIFECYCLE'] ?? '') as LifecycleProcess;
const objects = createObjects(given.s3);

function failpoint(name: string): void {
  if (name === given.killAt) process.kill(process.pid, 'SIGKILL');
}

async function carryOut({ kind, databaseUrl, id, nowMs }: LifecycleWork): Promise<unknown> {
  const db = createPool(databaseUrl, { max: 3, applicationName: 'lifecycle-process' });
  const deps = {
    db,
    objects,
    sealer: createSealer(given.secretKey),
    log: createLogger({ level: 'silent', name: 'lifecycle-process' }),
    now: () => nowMs,
    databaseNow: async () => nowMs,
    failpoint,
  };
  const inActivity = <T>(work: () => Promise<T>): Promise<T> => new MockActivityEnvironment().run(work);
  try {
    if (kind === 'month') return await inActivity(() => createCertifyRetentionActivities(deps).certifyRetention());
    if (kind === 'tenant') {
      return await createDeleteTenantActivities({ ...deps, tell: async () => undefined }).finishTenantDeletion(id);
    }
    if (kind === 'purge') {
      const purge = createPurgeActivities(deps);
      const started = await inActivity(() => purge.startPurge(id));
      failpoint('begun');
      if (started.kind !== 'done') return started;
      await inActivity(() => purge.deletePurgedFootage(id));
      failpoint('deleted');
      return await inActivity(() => purge.finishPurge(id));
    }
    const sweep = createSweepRetentionActivities(deps);
    const plan = await sweep.planSweep();
    if (plan === null) throw new Error('the sweep was stopped');
    const swept = await inActivity(() => sweep.sweepShard({ ...plan, shard: 0, shards: 1 }));
    failpoint('swept');
    await sweep.completeSweep({ ...plan, ...swept, isWhole: true });
    return swept;
  } finally {
    await db.end();
  }
}

const outcomes: unknown[] = [];
for (const work of given.work) outcomes.push(await carryOut(work));
process.stdout.write(JSON.stringify(outcomes));
objects.close();

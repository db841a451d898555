import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Worker } from '@temporalio/worker';
import { createCameraIntentActivities } from '../activities/camera-intent.ts';
import { createCollectObjectsActivities } from '../activities/collect-objects.ts';
import { createEnsureCamerasActivities } from '../activities/ensure-cameras.ts';
import { createFeedFinishJobsActivities } from '../activities/feed-finish-jobs.ts';
import { createRollUpCoverageActivities } from '../activities/roll-up-coverage.ts';
import { createSweepRetentionActivities } from '../activities/sweep-retention.ts';
import { parseTariff } from '../domain/tariff.ts';
import { dataConverter } from '../temporal/data-converter.ts';
import { createSchedules } from '../temporal/schedules.ts';
import { registerSearchAttributes } from '../temporal/search-attributes.ts';
import { controlQueue, purgeQueue } from '../workflows/messages.ts';
import { createLifecycleActivities, createPurgeWork } from './lifecycle.ts';
import { createCheckActivities } from './reconcile.ts';
import { createLostHostWatch } from './lost-hosts.ts';
import type { RoleContext, RunningRole } from './role.ts';
import { createRunningWorkers, createTogether } from './running-workers.ts';
import { makeWorkFolder, type WorkFolder } from './work-folder.ts';
import { workflowBundlePath } from './workflow-bundle-path.ts';

/**
 * Of this process. A contract with 300 cameras that ends would fill all slots, connections and sockets that intents and
 * the feeder need; at 800 segments a second each these take half of what a store deletes.
 */
const purgesAtOnce = 3;

/** The role `control`: workflows and the short database and object activities. */
export function startControl(context: RoleContext): RunningRole {
  const { db, objects, log, now, config, failpoint } = context;
  const cheapTariff = config.cheapTariff === undefined ? null : parseTariff(config.cheapTariff);
  let folder: Promise<WorkFolder> | null = null;
  /** Made once, however often the worker is made again; where that fails the next one tries. */
  function checkFolder(): Promise<WorkFolder> {
    folder ??= makeWorkFolder(join(config.dataDir, 'check'), randomUUID(), log).catch((error: unknown) => {
      folder = null;
      throw error;
    });
    return folder;
  }

  const workers = createRunningWorkers(context, async ({ connection, client }) => {
    const { namespace } = config.temporal;
    await registerSearchAttributes(connection, namespace);
    // Before the worker: one that is made and then not run would hold its queue for ever.
    await createSchedules(client);
    // Begins purges; the rest of one that a version before this queue began comes here, too.
    const purges = createPurgeWork(context);
    const path = (await checkFolder()).path;
    const shared = {
      connection,
      namespace,
      dataConverter,
      // Short activities get to finish at a deploy; the default 0 would abort them.
      shutdownGraceTime: '20s',
    } as const;
    const control = Worker.create({
      ...shared,
      taskQueue: controlQueue,
      workflowBundle: { codePath: workflowBundlePath },
      activities: {
        ...createCameraIntentActivities({ db, now }),
        ...createEnsureCamerasActivities({ db, client, log }),
        ...createFeedFinishJobsActivities({ db, client, cheapTariff, log, now }),
        ...createCollectObjectsActivities({ db, objects, log, now, failpoint }),
        ...createSweepRetentionActivities({ db, objects, log, now, failpoint }),
        ...createRollUpCoverageActivities({ db, objects, log, now }),
        ...createCheckActivities(context, path),
        ...createLifecycleActivities(context, client),
        ...purges,
      },
      maxConcurrentActivityTaskExecutions: 100,
    });
    const purge = Worker.create({
      ...shared,
      taskQueue: purgeQueue,
      activities: { ...purges },
      maxConcurrentActivityTaskExecutions: purgesAtOnce,
      maxConcurrentActivityTaskPolls: 1,
    });
    return createTogether([control, purge]);
  });
  const lostHosts = createLostHostWatch(context);
  return {
    drain: () => workers.drain(),
    async stop() {
      await Promise.all([workers.stop(), lostHosts.stop()]);
      await (await folder)?.remove();
    },
  };
}

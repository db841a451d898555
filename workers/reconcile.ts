import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { createReconcileActivities } from '../activities/reconcile.ts';
import { createSampleFootageActivities } from '../activities/sample-footage.ts';
import { dayMs } from '../domain/retention.ts';
import type { RoleContext } from './role.ts';
import { makeWorkFolder } from './work-folder.ts';

/** The activities that compare bucket and catalogue, and read footage back. */
export async function createCheckActivities({ db, objects, log, now, config }: RoleContext) {
  const { path: workDir } = await makeWorkFolder(join(config.dataDir, 'check'), randomUUID(), log);
  const windowMs = config.windowSeconds * 1000;
  const { maxPercent, quarantineDays } = config.reconcile;
  const shared = { db, objects, log, now, workDir };
  return {
    ...createReconcileActivities({ ...shared, windowMs, maxPercent, quarantineMs: quarantineDays * dayMs }),
    ...createSampleFootageActivities({ ...shared, ffmpeg: config.ffmpeg, segments: config.sampleSegments }),
  };
}

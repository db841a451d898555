import { createReconcileActivities } from '../activities/reconcile.ts';
import { createSampleFootageActivities } from '../activities/sample-footage.ts';
import { dayMs } from '../domain/retention.ts';
import type { RoleContext } from './role.ts';

/** The activities that compare bucket and catalogue, and read footage back. @param workDir what is read comes there */
export function createCheckActivities({ db, objects, log, now, config, failpoint }: RoleContext, workDir: string) {
  const windowMs = config.windowSeconds * 1000;
  const { maxPercent } = config.reconcile;
  const quarantineMs = config.quarantineDays * dayMs;
  const shared = { db, objects, log, now, workDir };
  return {
    ...createReconcileActivities({ ...shared, failpoint, windowMs, maxPercent, quarantineMs }),
    ...createSampleFootageActivities({ ...shared, ffmpeg: config.ffmpeg, segments: config.sampleSegments }),
  };
}

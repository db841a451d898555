import { beginReconcile, finishPass, judgeReconcile } from '../../activities/reconcile.ts';
import { lookAtShard } from '../../activities/reconcile-look.ts';
import { createPool } from '../../db/sql.ts';
import { createLogger } from '../../log.ts';
import { createObjects, type ObjectsOptions } from '../../storage/objects.ts';
import { dieStanding, givenWork } from '../support/killed-process.ts';

/** A pass over a bucket and a catalogue. */
export interface ReconcileWork {
  databaseUrl: string;
  s3: ObjectsOptions;
  workDir: string;
  nowMs: number;
  /** Where it stands when its process is killed. */
  killAt: string;
}

// Whole passes in a process of its own, to be killed.
const { work } = givenWork<{ work: ReconcileWork[] }>();
await dieStanding(work, async ({ databaseUrl, s3, workDir, nowMs, killAt: runId }, failpoint) => {
  const deps = {
    db: createPool(databaseUrl, { max: 3, applicationName: 'reconcile-process' }),
    objects: createObjects(s3),
    log: createLogger({ level: 'silent', name: 'reconcile-process' }),
    now: () => nowMs,
    databaseNow: async () => nowMs,
    storeNow: async () => nowMs,
    workDir,
    windowMs: 600_000,
    quarantineMs: 7 * 86_400_000,
    maxPercent: 1,
    failpoint,
  };
  const pass = await beginReconcile(deps, { scheduled: true, runId });
  if (pass === null) throw new Error('there was no pass');
  const compared = await lookAtShard(deps, { ...pass, shard: 0 }, { from: null, beat: () => undefined });
  if ((await judgeReconcile(deps, pass, compared)) === null) throw new Error('it was stopped');
  await finishPass(deps, pass, compared, { afterId: 0, beat: () => undefined });
});

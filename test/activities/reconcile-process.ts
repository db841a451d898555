import { beginReconcile, finishPass, judgeReconcile } from '../../activities/reconcile.ts';
import { lookAtShard } from '../../activities/reconcile-look.ts';
import { createPool } from '../../db/sql.ts';
import { createLogger } from '../../log.ts';
import { createObjects, type ObjectsOptions } from '../../storage/objects.ts';

/** What such a process reads from its environment variable RECONCILE. */
export interface ReconcileProcess {
  databaseUrl: string;
  s3: ObjectsOptions;
  workDir: string;
  nowMs: number;
  /** The failpoint at which it ends itself by SIGKILL. */
  killAt: string;
}

// A whole pass in a process of its own, to be killed.
const given = JSON.parse(process.env['RECONCILE'] ?? '') as ReconcileProcess;
const { nowMs, killAt, workDir } = given;
const db = createPool(given.databaseUrl, { max: 3, applicationName: 'reconcile-process' });
const deps = {
  db,
  objects: createObjects(given.s3),
  log: createLogger({ level: 'silent', name: 'reconcile-process' }),
  now: () => nowMs,
  databaseNow: async () => nowMs,
  workDir,
  windowMs: 600_000,
  quarantineMs: 7 * 86_400_000,
  maxPercent: 1,
  failpoint: (name: string): void => {
    if (name === killAt) process.kill(process.pid, 'SIGKILL');
  },
};
const pass = await beginReconcile(deps, { scheduled: true, runId: killAt });
if (pass === null) throw new Error('there was no pass');
const compared = await lookAtShard(deps, { ...pass, shard: 0 }, { from: null, beat: () => undefined });
if ((await judgeReconcile(deps, pass, compared)) === null) throw new Error('it was stopped');
await finishPass(deps, pass, compared, { afterId: 0, beat: () => undefined });

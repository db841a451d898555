import { countFindings } from '../db/reconcile-findings.ts';
import { listPasses, reconcileState } from '../db/reconcile-passes.ts';
import { countChecks } from '../db/segment-checks.ts';
import type { Db } from '../db/sql.ts';
import { dayMs } from '../domain/retention.ts';
import type { MakeGauge } from './gauges.ts';

/** What reconcile and sampling found. */
export function registerReconcileMetrics(gauge: MakeGauge, db: Db, now: () => number): void {
  gauge('reconcile_findings', 'What does not fit between bucket and catalogue.', ['kind', 'state'], async (found) => {
    for (const { kind, state, count } of await countFindings(db, { missingSinceMs: 0 }))
      found.set({ kind, state }, count);
  });
  gauge('reconcile_stopped', 'Whether reconcile waits for an operator.', [], async (stopped) => {
    stopped.set((await reconcileState(db)).stopped === null ? 0 : 1);
  });
  gauge('reconcile_last_pass_age_seconds', 'Since the last whole comparison ended.', [], async (age) => {
    const last = (await listPasses(db, 50)).find(({ state, endedAtMs }) => state === 'done' && endedAtMs !== null);
    // Without labels a gauge says 0 unless it is told otherwise, which would be the best of all answers.
    age.set(last?.endedAtMs == null ? Number.NaN : Math.max(0, now() - last.endedAtMs) / 1000);
  });
  gauge('sampled_segments_day', 'Segments that were read back in the last 24 hours.', ['verdict'], async (checks) => {
    for (const { verdict, count } of await countChecks(db, now() - dayMs)) checks.set({ verdict }, count);
  });
}

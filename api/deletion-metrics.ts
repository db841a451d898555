import { deletionHealth, purgeWaits, waitingPurges } from '../db/deletion-health.ts';
import type { Db } from '../db/sql.ts';
import { sweepState } from '../db/sweep-state.ts';
import { monthCertifiedMs } from '../domain/certificate.ts';
import type { MakeGauge } from './gauges.ts';

/** More purges than cameras there are not: every one is counted. */
const allPurges = 1_000_000;

/** Sweeps, purges and their certificates. */
export function registerDeletionMetrics(gauge: MakeGauge, db: Db, now: () => number): void {
  // Without labels a gauge says 0 unless it is told otherwise, which would be the best of all answers.
  const ageOf = (ms: number | null): number => (ms === null ? Number.NaN : Math.max(0, now() - ms) / 1000);

  gauge('sweep_stopped', 'Whether the retention sweep is stopped and waits for an operator.', [], async (stopped) => {
    stopped.set((await sweepState(db)).stopped === null ? 0 : 1);
  });
  const lastSweep = 'Since the last whole retention sweep looked; NaN before the first.';
  gauge('sweep_last_age_seconds', lastSweep, [], async (age) => age.set(ageOf((await sweepState(db)).sweptMs)));
  const refused = 'Objects that the store refused to delete at the last try, by whose they are.';
  gauge('deletions_refused', refused, ['by'], async (made) => {
    const health = await deletionHealth(db);
    made.set({ by: 'sweep' }, health.refused);
    made.set({ by: 'collector' }, health.uncollected);
  });
  gauge(
    'purges_unfinished',
    'Purges that are due or begun and not done, by what they wait for.',
    ['for'],
    async (made) => {
      const purges = await waitingPurges(db, now(), allPurges);
      for (const wait of purgeWaits) made.set({ for: wait }, purges.filter(({ waitsFor }) => waitsFor === wait).length);
    },
  );
  const overdue = 'Since certificates of the oldest uncertified rolling deletions could be issued; 0: none could.';
  gauge('certificates_overdue_seconds', overdue, [], async (age) => {
    const { uncertifiedMs } = await deletionHealth(db);
    age.set(uncertifiedMs === null ? 0 : ageOf(monthCertifiedMs(uncertifiedMs)));
  });
}

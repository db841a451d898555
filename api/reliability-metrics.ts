import { Counter, type Gauge, type Registry } from 'prom-client';
import { lastRollUp, lostSince } from '../db/coverage.ts';
import { lostAfterMs, recorders, type Recorder } from '../db/recorders.ts';
import { footageAge, openGapsByReason, waitingObjects } from '../db/service-status.ts';
import type { ApiDeps } from './dependencies.ts';
import { registerDeletionMetrics } from './deletion-metrics.ts';
import { gaugesOf } from './gauges.ts';
import { knownRecorders } from './known-recorders.ts';
import { registerReconcileMetrics } from './reconcile-metrics.ts';
import { gapOwner } from '../domain/gap-reason.ts';
import { dayMs } from '../domain/retention.ts';

/**
 * Recorders, footage and gaps. Recorders tell their figures with their sign of life every 5 s, so that one address is
 * enough for Prometheus and none of their ports need be reachable for it.
 */
export function registerReliabilityMetrics(
  registry: Registry,
  { pool: db, now, databaseNow }: Pick<ApiDeps, 'pool' | 'now' | 'databaseNow'>,
): void {
  const gauge = gaugesOf(registry);
  /** By the clock that dates their signs of life; a host that is lost is told by framekeep_recorder_up alone. */
  const livingHosts = async (): Promise<Recorder[]> => {
    const [hosts, nowMs] = await Promise.all([recorders(db), databaseNow(db)]);
    return hosts.filter(({ seenMs }) => nowMs - seenMs <= lostAfterMs);
  };
  const ofHosts = (name: string, help: string, labels: string[], set: (made: Gauge, host: Recorder) => void): void =>
    gauge(name, help, ['host', ...labels], async (made) => {
      for (const host of await livingHosts()) set(made, host);
    });
  /** Counters of the recorders, which begin at 0 with each; the registry's own are set to what they say. */
  const countOfHosts = (
    name: string,
    help: string,
    label: string,
    read: (stats: NonNullable<Recorder['stats']>) => [string, number][],
  ): void => {
    const made: Counter = new Counter({
      name: `framekeep_${name}`,
      help,
      labelNames: ['host', label],
      registers: [registry],
      async collect() {
        this.reset();
        for (const { hostId: host, stats } of await livingHosts()) {
          if (stats === null) continue;
          for (const [value, count] of read(stats)) made.inc({ host, [label]: value }, count);
        }
      },
    });
  };

  gauge('recorder_up', 'Whether a recorder was seen in the last 20 s.', ['host'], async (up) => {
    const nowMs = await databaseNow(db);
    for (const { hostId: host, seenMs } of await knownRecorders(db, nowMs)) {
      up.set({ host }, nowMs - seenMs <= lostAfterMs ? 1 : 0);
    }
  });
  ofHosts(
    'recorder_slots',
    'Cameras a recorder may hold, by use.',
    ['use'],
    (slots, { hostId: host, slots: all, used }) => {
      slots.set({ host, use: 'used' }, used);
      slots.set({ host, use: 'free' }, Math.max(0, all - used));
    },
  );
  countOfHosts('camera_failures_total', 'Failed tries since the recorder began, by gap reason.', 'reason', (stats) =>
    Object.entries(stats.failures),
  );
  countOfHosts('commits_total', 'What became of closed files since the recorder began.', 'outcome', (stats) =>
    Object.entries(stats.commits),
  );
  ofHosts(
    'commit_seconds',
    "From a segment's end to its row, of the last 500.",
    ['quantile'],
    (late, { hostId: host, stats }) => {
      if (stats?.commitMs == null) return;
      late.set({ host, quantile: '0.5' }, stats.commitMs.p50 / 1000);
      late.set({ host, quantile: '0.99' }, stats.commitMs.p99 / 1000);
    },
  );
  ofHosts(
    'spool_bytes',
    'The spool: used, its bound, and what the disk has left for it.',
    ['kind'],
    (bytes, { hostId: host, stats }) => {
      if (stats?.spool == null) return;
      bytes.set({ host, kind: 'used' }, stats.spool.usedBytes);
      bytes.set({ host, kind: 'bound' }, stats.spool.maxBytes);
      bytes.set({ host, kind: 'free' }, stats.spool.freeBytes);
    },
  );
  ofHosts('spool_unreadable_files', 'Files that a disk does not give back.', [], (files, { hostId: host, stats }) => {
    if (stats !== null) files.set({ host }, stats.unreadable?.files ?? 0);
  });
  ofHosts(
    'spool_quarantine_files',
    'Files that a spool keeps for a person to look at.',
    [],
    (files, { hostId: host, stats }) => {
      if (stats !== null) files.set({ host }, stats.quarantine?.files ?? 0);
    },
  );
  ofHosts('spool_quarantine_bytes', 'Bytes of these files.', [], (bytes, { hostId: host, stats }) => {
    if (stats !== null) bytes.set({ host }, stats.quarantine?.bytes ?? 0);
  });
  ofHosts(
    'backlog_files',
    'Files that are not committed yet, also those that could not be closed.',
    [],
    (files, { hostId: host, stats }) => {
      if (stats !== null) files.set({ host }, stats.backlog.files);
    },
  );
  ofHosts('backlog_bytes', 'Bytes that wait to be committed.', [], (bytes, { hostId: host, stats }) => {
    if (stats !== null) bytes.set({ host }, stats.backlog.bytes);
  });
  ofHosts(
    'backlog_age_seconds',
    'How long ago the oldest waiting footage ended.',
    [],
    (age, { hostId: host, stats }) => {
      const oldestMs = stats?.backlog.oldestEndMs ?? null;
      if (stats !== null) age.set({ host }, oldestMs === null ? 0 : Math.max(0, now() - oldestMs) / 1000);
    },
  );
  ofHosts(
    'pending_writes',
    'Writes of state and gaps that wait for the catalogue.',
    [],
    (writes, { hostId: host, stats }) => {
      if (stats !== null) writes.set({ host }, stats.pendingWrites);
    },
  );
  gauge(
    'last_segment_age_seconds',
    'Age of the newest committed footage of wanted cameras.',
    ['quantile'],
    async (age) => {
      const { p50, p99, max } = await footageAge(db, now());
      if (p50 !== null) age.set({ quantile: '0.5' }, p50 / 1000);
      if (p99 !== null) age.set({ quantile: '0.99' }, p99 / 1000);
      if (max !== null) age.set({ quantile: '1' }, max / 1000);
    },
  );
  gauge('gaps_open', 'Gaps that are open now.', ['reason', 'owner'], async (gaps) => {
    for (const { reason, count } of await openGapsByReason(db)) gaps.set({ reason, owner: gapOwner(reason) }, count);
  });
  gauge(
    'lost_seconds_today',
    'Wanted time without footage of this UTC day, as of the last roll-up.',
    ['reason', 'owner'],
    async (lost) => {
      for (const { reason, ms } of await lostSince(db, Math.floor(now() / dayMs) * dayMs)) {
        lost.set({ reason, owner: gapOwner(reason) }, ms / 1000);
      }
    },
  );
  gauge('coverage_last_count_age_seconds', 'Since coverage of all cameras was counted last.', [], async (age) => {
    const { countedMs } = await lastRollUp(db);
    // As of reconcile_last_pass_age_seconds: nothing said would be 0.
    age.set(countedMs === null ? Number.NaN : Math.max(0, now() - countedMs) / 1000);
  });
  registerReconcileMetrics(gauge, db, now);
  registerDeletionMetrics(gauge, db, now);
  gauge('objects_to_delete', 'Objects that wait for their deletion.', ['reason'], async (waiting) => {
    for (const { reason, count } of await waitingObjects(db)) waiting.set({ reason }, count);
  });
}

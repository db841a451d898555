import type { Registry } from 'prom-client';
import { countEncoderSteps } from '../db/encoder-steps.ts';
import { finishQueues, liveEncoders } from '../db/encoders.ts';
import { recorders, type RecorderFigures } from '../db/recorders.ts';
import type { Db } from '../db/sql.ts';
import { slotsTogether } from '../domain/encoder-ceiling.ts';
import { dayMs } from '../domain/retention.ts';
import { gaugesOf } from './gauges.ts';

type Held = NonNullable<RecorderFigures['held']>;

/** Encoders, what happens to them, and their backlog. */
export function registerFinishGauges(registry: Registry, db: Db, now: () => number): void {
  const gauge = gaugesOf(registry);
  gauge('encoder_slots', 'Slots of living encoder workers, by use.', ['host', 'kind', 'use'], async (slots) => {
    const workers = await liveEncoders(db, now());
    for (const { host, kind } of workers) {
      const own = workers.filter((worker) => worker.host === host && worker.kind === kind);
      const used = own.reduce((sum, worker) => sum + worker.used, 0);
      slots.set({ host, kind, use: 'used' }, used);
      slots.set({ host, kind, use: 'free' }, Math.max(0, slotsTogether(own) - used));
    }
  });
  gauge(
    'encoder_session_ceiling',
    'Encoding sessions the driver gave last, of hosts where it has refused one.',
    ['host'],
    async (ceilings) => {
      for (const { host, ceiling } of await liveEncoders(db, now())) {
        if (ceiling !== null) ceilings.set({ host }, ceiling);
      }
    },
  );
  gauge(
    'encoder_steps',
    'Steps on the ladder of encoders and changes of the session ceiling in the last 24 hours.',
    ['host', 'kind'],
    async (steps) => {
      for (const { host, kind, count } of await countEncoderSteps(db, now() - dayMs)) steps.set({ host, kind }, count);
    },
  );
  gauge('finish_windows', 'Windows that are not finished, by class and state.', ['tier', 'state'], async (windows) => {
    for (const { tier, waiting, started, parked } of await finishQueues(db, now())) {
      windows.set({ tier, state: 'waiting' }, waiting);
      windows.set({ tier, state: 'started' }, started);
      windows.set({ tier, state: 'parked' }, parked);
    }
  });
  gauge(
    'finish_queue_age_seconds',
    'How long ago the oldest unfinished window ended, by class.',
    ['tier'],
    async (age) => {
      const nowMs = now();
      for (const { tier, oldestEndMs } of await finishQueues(db, nowMs)) {
        age.set({ tier }, oldestEndMs === null ? 0 : Math.max(0, (nowMs - oldestEndMs) / 1000));
      }
    },
  );
  // Also of hosts that are away: it lies nowhere else.
  const ofHeld = (name: string, help: string, value: (held: Held) => number): void =>
    gauge(name, help, ['host'], async (made) => {
      for (const { hostId: host, stats } of await recorders(db)) {
        if (stats?.held !== undefined) made.set({ host }, value(stats.held));
      }
    });
  ofHeld('held_files', 'Files that wait in a recorder for their final.', ({ files }) => files);
  ofHeld('held_bytes', 'Bytes that wait in a recorder for their final.', ({ bytes }) => bytes);
  ofHeld(
    'held_age_seconds',
    'How long ago the oldest footage that waits in a recorder for its final began.',
    ({ oldestStartMs }) => (oldestStartMs === null ? 0 : Math.max(0, (now() - oldestStartMs) / 1000)),
  );
}

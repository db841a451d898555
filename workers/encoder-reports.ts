import { upsertEncoder } from '../db/encoders.ts';
import { errorText } from '../errors.ts';
import type { Encoders } from '../media/encoders.ts';
import type { EncoderSlots } from './encoder-slots.ts';
import type { RoleContext } from './role.ts';

const reportEveryMs = 5_000;

/**
 * Tells the catalogue every 5 s what this worker has and does: the feeder counts its slots while it lives. Encoders
 * that are down are asked again from here too, since a host without any gets no jobs.
 */
export function startReports(
  context: Pick<RoleContext, 'db' | 'log' | 'now'>,
  worker: {
    encoders: Encoders;
    workerId: string;
    host: string;
    slots: EncoderSlots;
    joinSlots: number;
    joinUsed: () => number;
    spoolHostId: () => string | null;
  },
  everyMs = reportEveryMs,
): { stop: () => void } {
  const { db, log, now } = context;
  const { workerId, host, slots, joinSlots } = worker;
  const report = async (): Promise<void> => {
    const status = await worker.encoders.status();
    const { ladder, sessions } = status;
    slots.look(status);
    const best = ladder.find(({ state }) => state === 'up');
    await upsertEncoder(db, {
      workerId,
      host,
      kind: best?.encoder.kind ?? 'none',
      slots: slots.now(),
      used: ladder.reduce((sum, { running }) => sum + running, 0),
      joinSlots,
      joinUsed: worker.joinUsed(),
      ceiling: sessions.ceiling,
      ceilingReason: sessions.ceiling === null ? null : sessions.reason,
      spoolHostId: worker.spoolHostId(),
      // ffmpeg's own words end without a full stop.
      reason:
        ladder.map(({ encoder, reason }) => `${encoder.kind}: ${reason.replace(/\.?$/, '.')}`).join(' ') ||
        'No encoder is set up.',
      seenMs: now(),
    });
  };
  const tick = (): void => {
    report().catch((error: unknown) => log.warn({ cause: errorText(error) }, 'sign of life not written'));
    // Beside it: a GPU's driver may take 30 s to answer, and a worker that is silent for 15 s counts as gone.
    worker.encoders
      .askAgain()
      .catch((error: unknown) => log.warn({ cause: errorText(error) }, 'encoders that are down were not asked'));
  };
  tick();
  const timer = setInterval(tick, everyMs);
  return { stop: () => clearInterval(timer) };
}

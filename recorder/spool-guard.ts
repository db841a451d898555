import { setTimeout as sleep } from 'node:timers/promises';
import type { CameraTier } from '../domain/camera.ts';
import { errorText } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Spool, SpoolUsage } from '../storage/spool.ts';
import type { Failure } from './failure.ts';
import type { QuarantineBound } from './quarantine.ts';
import { createRounds } from './rounds.ts';

/** Decides who may still write when the spool fills up because storage or database are away. */
export interface SpoolGuard {
  /** Why a camera of this tier is not recorded now; null = it is. */
  refusal(tier: CameraTier): Failure | null;
  /** As measured last; null before the first time. */
  usage(): SpoolUsage | null;
  start(): void;
  stop(): Promise<void>;
}

const lookEveryMs = 5000;
/** Above this share lingering files go at once, for they are stored already. */
const tightShare = 0.8;
/** What is given up quickly counts in the same look. */
const releaseWaitMs = 2000;
/** Normal cameras stop here, critical ones go on to the bound. */
const normalShare = 0.9;
/** They start again below this: a spool at its bound would else start and stop cameras every 5 s. */
const resumeShare = 0.85;
/** What is in quarantine may take this share of a spool that is tight. */
const quarantineShare = 0.1;
const trimEveryMs = 60_000;
/** That the spool is full is said when it changes who may record, and so often. */
const sayAgainMs = 60_000;

export function createSpoolGuard(deps: {
  spool: Spool;
  /** Gives up what has lingered, for room. */
  releaseLingering: () => Promise<unknown>;
  quarantine: QuarantineBound;
  log: Logger;
}): SpoolGuard {
  const { spool, log } = deps;
  let usage: SpoolUsage | null = null;
  let missing: string | null = null;
  let releasing: Promise<unknown> | null = null;
  let trimmedMs = -Infinity;
  let saidMs = -Infinity;
  const refused: Record<CameraTier, boolean> = { normal: false, critical: false };

  async function look(): Promise<void> {
    try {
      await spool.checkPresent();
      missing = null;
    } catch (error) {
      if (missing === null) log.error({ cause: errorText(error) }, 'the spool is gone, recording is refused');
      missing = errorText(error);
      return;
    }
    usage = await spool.usage();
    if (performance.now() - trimmedMs >= trimEveryMs) {
      trimmedMs = performance.now();
      await deps.quarantine.trim(Infinity);
    }
    if (share(usage) >= tightShare) {
      await Promise.race([release(), sleep(releaseWaitMs)]);
      usage = await spool.usage();
    }
    if (share(usage) >= tightShare && (await deps.quarantine.trim(Math.floor(roomOf(usage) * quarantineShare)))) {
      usage = await spool.usage();
    }
    const filled = share(usage);
    const before = { ...refused };
    refused.normal = filled >= (refused.normal ? resumeShare : normalShare);
    refused.critical = filled >= (refused.critical ? normalShare : 1);
    say(before, usage);
  }

  /** One at a time, and goes on behind the looks: a store that hangs must not keep the bound from holding. */
  function release(): Promise<unknown> {
    releasing ??= deps
      .releaseLingering()
      .catch((error: unknown) => log.warn({ cause: errorText(error) }, 'lingering files could not be given up'))
      .finally(() => {
        releasing = null;
      });
    return releasing;
  }

  function say(before: Record<CameraTier, boolean>, of: SpoolUsage): void {
    const isChanged = before.normal !== refused.normal || before.critical !== refused.critical;
    const isDue = refused.normal && performance.now() - saidMs >= sayAgainMs;
    if (!isChanged && !isDue) return;
    saidMs = performance.now();
    if (refused.normal) log.error({ usage: of, refused }, 'the spool is full, cameras stop recording');
    else log.info({ usage: of }, 'the spool has room again');
  }

  const { start, stop } = createRounds(lookEveryMs, look, (error) =>
    log.warn({ cause: errorText(error) }, 'the spool could not be looked at'),
  );
  return {
    refusal(tier) {
      if (missing !== null) return { reason: 'storage-down', detail: missing };
      if (!refused[tier] || usage === null) return null;
      const { usedBytes, maxBytes, freeBytes } = usage;
      return {
        reason: 'spool-full',
        detail: `The spool holds ${usedBytes} of ${maxBytes} bytes, the disk has ${freeBytes} left.`,
      };
    },
    usage: () => usage,
    start,
    stop,
  };
}

function share(usage: SpoolUsage): number {
  return usage.usedBytes / Math.max(1, roomOf(usage));
}

/** What may be used: the bound, or less where the disk has less. */
function roomOf({ usedBytes, maxBytes, freeBytes }: SpoolUsage): number {
  return Math.min(maxBytes, usedBytes + freeBytes);
}

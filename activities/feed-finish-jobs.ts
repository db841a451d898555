import { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { readClocks } from '../db/clock.ts';
import { encoderSlots } from '../db/encoders.ts';
import { forgetWindows, takeUnseen, takeUpTo, type FedWindow } from '../db/finish-feed.ts';
import { reopen } from '../db/finish-windows.ts';
import { spoolSlots } from '../db/held-windows.ts';
import type { Pool } from '../db/sql.ts';
import { isCheap, type Tariff } from '../domain/tariff.ts';
import type { Logger } from '../log.ts';
import { startFinishJob } from '../temporal/finish-jobs.ts';
import { finishQueues, type FinishQueue } from '../workflows/messages.ts';
import { decideFirst } from './feed-decisions.ts';

export interface FeedDeps {
  db: Pool;
  client: Client;
  /** Null = no hours are cheaper than others. */
  cheapTariff: Tariff | null;
  log: Logger;
  now: () => number;
}

export interface FeedFinishJobsActivities {
  /** Starts finish jobs for windows that are ready. */
  feedFinishJobs(): Promise<{ started: number; again: number }>;
}

/** Queued jobs a slot: enough that no slot waits for the feeder, few enough that a critical camera passes a backlog. */
const jobsPerSlot = 4;
/** A job whose worker died is seen by Temporal within a minute; then it is started again from here, too. */
const unseenMs = 60_000;
/** Longer than Temporal keeps closed jobs, whose ids it refuses; a late segment's window must not begin at 1 again. */
const doneKeptMs = 35 * 86_400_000;
const forgetAtOnce = 5_000;

/** The scheduled activity. */
export function createFeedFinishJobsActivities(deps: FeedDeps): FeedFinishJobsActivities {
  return {
    async feedFinishJobs() {
      const heartbeat = (): void => Context.current().heartbeat();
      const result = await feedFinishJobs(deps, heartbeat);
      await decideFirst(deps.db, deps.now(), heartbeat);
      const { earlierMs } = await readClocks(deps.db, deps);
      await forgetWindows(deps.db, earlierMs - doneKeptMs, forgetAtOnce);
      return result;
    },
  };
}

/**
 * Fills the queues up to four jobs a slot. Postgres is the backlog and Temporal the dispatcher: a job that is lost,
 * with Temporal's whole database if need be, is fed again. Several may run at once.
 */
export async function feedFinishJobs(
  deps: FeedDeps,
  onStarted: () => void = () => undefined,
): Promise<{ started: number; again: number }> {
  const nowMs = deps.now();
  const slots = await encoderSlots(deps.db, nowMs);
  const cheap = deps.cheapTariff === null || isCheap(deps.cheapTariff, nowMs);
  let started = 0;
  let again = 0;
  const places: { queue: FinishQueue; spoolHostId: string | null; slots: number }[] = [
    ...finishQueues.map((queue) => ({ queue, spoolHostId: null, slots: slots[queue] })),
    ...(await spoolSlots(deps.db, nowMs)).map((host) => ({
      queue: 'spool' as const,
      spoolHostId: host.hostId,
      slots: host.slots,
    })),
  ];
  for (const { queue, spoolHostId, slots: own } of places) {
    const most = jobsPerSlot * own;
    if (most === 0) continue; // nobody would take them: the sources stay, and play
    const seenBeforeMs = nowMs - unseenMs;
    for (const window of await takeUnseen(deps.db, { queue, spoolHostId, nowMs, seenBeforeMs, limit: most })) {
      if (await startJob(deps, window, queue)) again += 1;
      onStarted();
    }
    for (const window of await takeUpTo(deps.db, { queue, spoolHostId, nowMs, cheap, most })) {
      if (await startJob(deps, window, queue)) started += 1;
      onStarted();
    }
  }
  if (started + again > 0) deps.log.debug({ started, again }, 'finish jobs fed');
  return { started, again };
}

/** @returns whether it was started just now */
async function startJob(deps: FeedDeps, window: FedWindow, queue: FinishQueue): Promise<boolean> {
  const { cameraId, windowStartMs, reencodeId, generation, spoolHostId } = window;
  const job = { cameraId, windowStartMs, reencodeId, generation, queue, spoolHostId };
  const outcome = await startFinishJob(deps.client, job, window);
  // It has ended well, yet its window is not done: an older state of the catalogue came back. A new id does it again.
  if (outcome === 'ended') await reopen(deps.db, window);
  return outcome === 'started';
}

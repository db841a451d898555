import { createHash } from 'node:crypto';
import { ScheduleAlreadyRunning, ScheduleOverlapPolicy, type Client } from '@temporalio/client';
import { controlQueue } from '../workflows/messages.ts';

/** A workflow that runs on a fixed interval. */
export interface ScheduledWork {
  scheduleId: string;
  workflowType: string;
  everyMs: number;
}

/** All scheduled work of the system. */
export const scheduledWork: readonly ScheduledWork[] = [
  { scheduleId: 'ensure-cameras', workflowType: 'ensureCameras', everyMs: 5 * 60_000 },
  // Workers feed themselves while they have work; this finds what has become ready meanwhile.
  { scheduleId: 'feed-finish-jobs', workflowType: 'feedFinishJobs', everyMs: 30_000 },
  { scheduleId: 'collect-objects', workflowType: 'collectObjects', everyMs: 10 * 60_000 },
  // Footage is gone within an hour of being due; the API does not show it from the moment on.
  { scheduleId: 'sweep-retention', workflowType: 'sweepRetention', everyMs: 15 * 60_000 },
  // Hourly, so that footage kept for a single day is counted before it goes.
  { scheduleId: 'roll-up-coverage', workflowType: 'rollUpCoverage', everyMs: 3_600_000 },
  // A whole look at bucket and catalogue; what it finds is no older than a day.
  { scheduleId: 'reconcile', workflowType: 'reconcile', everyMs: 24 * 3_600_000 },
  { scheduleId: 'sample-footage', workflowType: 'sampleFootage', everyMs: 3_600_000 },
  { scheduleId: 'lifecycle-upkeep', workflowType: 'lifecycleUpkeep', everyMs: 60 * 60_000 },
];

/**
 * Creates the schedules, or brings them to this version's definition; a paused one stays paused. Each then runs once,
 * so that a start repairs what the time before left behind.
 */
export async function createSchedules(client: Client, work: readonly ScheduledWork[] = scheduledWork): Promise<void> {
  for (const item of work) await createSchedule(client, item);
}

async function createSchedule(client: Client, item: ScheduledWork): Promise<void> {
  const hash = createHash('sha256').update(JSON.stringify(item)).digest('hex').slice(0, 16);
  const definition = {
    spec: { intervals: [{ every: item.everyMs }] },
    action: {
      type: 'startWorkflow' as const,
      workflowType: item.workflowType,
      workflowId: item.scheduleId,
      taskQueue: controlQueue,
      memo: { hash },
    },
    // Missed runs are worth an hour: each run does all that is due, so older ones would do nothing.
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1 hour', pauseOnFailure: false },
  };
  try {
    await client.schedule.create({ scheduleId: item.scheduleId, ...definition, state: { triggerImmediately: true } });
    return;
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
  }
  const handle = client.schedule.getHandle(item.scheduleId);
  const existing = await handle.describe();
  if (existing.action.memo?.['hash'] !== hash) {
    await handle.update((previous) => ({ ...definition, state: previous.state }));
  }
  if (!existing.state.paused) await handle.trigger(ScheduleOverlapPolicy.SKIP);
}

import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from '@temporalio/worker';
import { createRecordSessionActivities } from '../activities/record-session.ts';
import type { ReportToWorkflow } from '../activities/report-state.ts';
import { hasRoomElsewhere, noteWaiting } from '../db/recorders.ts';
import { createRecorder } from '../recorder/recorder.ts';
import { dataConverter } from '../temporal/data-converter.ts';
import { cameraWorkflowId, hostQueue, recorderReportSignal, recordQueue } from '../workflows/messages.ts';
import type { RoleContext, RunningRole } from './role.ts';
import { createRunningWorkers, createTogether } from './running-workers.ts';
import { createSharedSlots } from './shared-slots.ts';
import { startOnceSpoolIsThere } from './spool-wait.ts';

/**
 * The role `recorder`: the recordings of this host, and the sessions that attach to them. Where the host's spool is not
 * there, it starts when it is.
 */
export function startRecording(context: RoleContext): Promise<RunningRole> {
  const { db, log, now } = context;
  const sinceMs = now();
  return startOnceSpoolIsThere(
    log,
    () => startHere(context),
    async ({ hostId, message }) => {
      if (hostId !== null) await noteWaiting(db, hostId, { for: message, sinceMs });
    },
  );
}

async function startHere(context: RoleContext): Promise<RunningRole> {
  const { config, db, log, now } = context;
  const drain = new AbortController();
  const recorder = await createRecorder({ ...context, onDraining: () => drain.abort() });
  await recorder.start();

  const report: ReportToWorkflow = async (cameraId, state) => {
    const { client } = await context.temporal;
    await client.workflow.getHandle(cameraWorkflowId(cameraId)).signal(recorderReportSignal, state);
  };
  const maxSessionMs = config.sessionSeconds * 1000;
  const activities = createRecordSessionActivities({ recorder, drain: drain.signal, report, maxSessionMs, log, now });
  const slots = createSharedSlots(config.recorder.slots);
  const workers = createRunningWorkers(context, ({ connection }) =>
    createTogether([recordQueue, hostQueue(recorder.hostId)].map((taskQueue) => createWorker(connection, taskQueue))),
  );

  function createWorker(connection: Parameters<typeof Worker.create>[0]['connection'], taskQueue: string) {
    return Worker.create({
      ...(connection === undefined ? {} : { connection }),
      namespace: config.temporal.namespace,
      taskQueue,
      dataConverter,
      activities,
      tuner: { ...unusedSlots, activityTaskSlotSupplier: slots },
      maxConcurrentActivityTaskPolls: 1,
      // Sessions return by themselves at a drain; without grace they would be aborted at once.
      shutdownGraceTime: '30s',
      // The default throttle (16 s of the 20 s timeout) leaves no room for a slow answer, and carries cancels.
      maxHeartbeatThrottleInterval: '8s',
    });
  }

  // A worker that goes on polling would take the very sessions that it hands over, again and again.
  drain.signal.addEventListener('abort', () => void workers.drain(), { once: true });

  return {
    async drain() {
      if (!(await hasRoomElsewhere(db, recorder.hostId, recorder.list().length))) return;
      await recorder.drain();
      drain.abort();
      // Each recording ends by itself once the new host has its first frame.
      while (recorder.list().length > 0) await sleep(200);
    },
    async stop() {
      await recorder.stop();
      drain.abort();
      await workers.stop();
    },
  };
}

const unusedSlots = {
  workflowTaskSlotSupplier: { type: 'fixed-size', numSlots: 1 },
  localActivityTaskSlotSupplier: { type: 'fixed-size', numSlots: 1 },
  nexusTaskSlotSupplier: { type: 'fixed-size', numSlots: 1 },
} as const;

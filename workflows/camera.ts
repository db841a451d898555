import {
  allHandlersFinished,
  condition,
  continueAsNew,
  isCancellation,
  log,
  proxyActivities,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { CameraIntentActivities } from '../activities/camera-intent.ts';
import { liveThroughRetirement } from './camera-lifecycle.ts';
import { acceptIntentChanges } from './camera-updates.ts';
import { createCameraView } from './camera-view.ts';
import { runSession } from './camera-session.ts';
import { stateQuery, recorderReportSignal, type CameraWorkflowInput } from './messages.ts';

const { takeIntent, reportNoSlot } = proxyActivities<CameraIntentActivities>({
  startToCloseTimeout: '30s',
  // Postgres may be away for an hour: the camera's life waits for it, at most 30 s longer than needed.
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s' },
});

/**
 * One camera's whole life, id `camera/<cameraId>`.
 *
 * What is wanted stands in Postgres; an update only says that it changed. The loop reads it, acts on it, and
 * waits for the next change. A healthy camera costs about 24 history events a day: one bounded `recordSession`
 * of 6 to 12 hours after the other.
 */
export async function cameraWorkflow(input: CameraWorkflowInput): Promise<void> {
  const changes = acceptIntentChanges();
  const view = createCameraView(input);
  setHandler(stateQuery, () => view.current());
  setHandler(recorderReportSignal, (report) => {
    if (view.current().intent === 'record') view.show(report);
  });

  try {
    for (;;) {
      if (changes.pending() && (await readIntent()) === 'gone') return;
      if (view.current().intent === 'record') {
        await record();
      } else if (view.current().intent === 'retired') {
        if ((await retired()) === 'purged') return;
      } else {
        await condition(() => changes.pending() || isHistoryLong());
      }
      if (isHistoryLong() && !changes.pending()) {
        // No handler waits for anything that comes after this line, so this cannot deadlock; without it an
        // update that was accepted but not finished would be lost (98 of 200 seen).
        await condition(allHandlersFinished);
        if (!changes.pending()) await continueAsNew<typeof cameraWorkflow>({ ...input, carried: view.carried() });
      }
    }
  } catch (error) {
    // A raw cancel: the session was cancelled with the root scope and its recorder stops. `ensure-cameras` starts
    // the workflow again as long as Postgres says that the camera is wanted.
    if (isCancellation(error)) log.warn('Camera workflow was cancelled from outside');
    throw error;
  }

  /** 'gone': the camera is no longer in the catalogue, so nothing is left to look after. */
  async function readIntent(): Promise<'gone' | 'changed' | 'same'> {
    changes.taken();
    const before = view.current();
    const wanted = await takeIntent(input.cameraId);
    if (wanted === null) {
      changes.mark(); // so that the main loop meets it too, when it was found during a session
      return 'gone';
    }
    view.intend(wanted);
    return wanted.intent === before.intent && wanted.configVersion === before.configVersion ? 'same' : 'changed';
  }

  function retired(): Promise<'purged' | 'interrupted'> {
    const { graceEndsAtMs, hostId } = view.current();
    return liveThroughRetirement({
      cameraId: input.cameraId,
      graceEndsAtMs,
      isInterrupted: () => changes.pending() || isHistoryLong(),
      show: (state, reason) => view.show({ state, reason, hostId }),
    });
  }

  async function record(): Promise<void> {
    const outcome = await runSession({
      cameraId: input.cameraId,
      known: view.carried(),
      isIntentPending: () => changes.pending(),
      isStillWanted: async () => (await readIntent()) === 'same',
    });
    if (outcome.kind === 'ended') {
      // After a handover the next session belongs on another host.
      view.recordedOn(outcome.reason === 'handover' ? null : outcome.hostId);
      // The recorder may have seen the changed intent before its update arrived, or the update may be lost.
      if (outcome.reason === 'unwanted' || outcome.reason === 'reconfigure') changes.mark();
    } else if (outcome.kind === 'no-slot') {
      const reason = 'No recorder has a free slot.';
      view.show({ state: 'no-slot', reason, hostId: null });
      await reportNoSlot(input.cameraId, reason);
    }
  }
}

/** Histories end at 51,200 events; the server suggests at 4,096. */
function isHistoryLong(): boolean {
  return workflowInfo().continueAsNewSuggested;
}

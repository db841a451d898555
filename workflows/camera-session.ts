import {
  ActivityCancellationType,
  ActivityFailure,
  CancellationScope,
  condition,
  isCancellation,
  log,
  proxyActivities,
  sleep,
  TimeoutFailure,
} from '@temporalio/workflow';
import { TimeoutType } from '@temporalio/common';
import type { RecordSessionActivities, SessionResult } from '../activities/record-session.ts';
import { hostQueue, recordQueue, type CarriedState } from './messages.ts';

/** How a session ended for the workflow. */
export type SessionOutcome =
  | { kind: 'ended'; hostId: string; reason: SessionResult['reason'] }
  | { kind: 'no-slot' }
  | { kind: 'interrupted' };

const hourMs = 3_600_000;
/** The host that holds the camera's spool gets this long to take the next session before any other may. */
const sameHostWaitMs = 10_000;
/** After this long in the queue without a taker the camera is shown as `no-slot`; it stays queued all the same. */
const noSlotAfterMs = 60_000;
/** Each wait for a slot costs 6 events, so the second and later ones are long: a free slot takes the task at once anyway. */
const longSlotWaitMs = 30 * 60_000;
/** A recorder sees a changed intent within a second and commits its last segment; then the workflow asks by cancel. */
const selfStopMs = 15_000;

/**
 * Runs one bounded `recordSession`: first offered to the host that recorded last, then to any. Returns when it ended,
 * when the intent no longer wants it, or when nobody has a slot; a fault of a camera never ends a session.
 */
export async function runSession(options: {
  cameraId: string;
  known: CarriedState;
  isIntentPending: () => boolean;
  /** Reads the changed intent; true when this session is what is still wanted. */
  isStillWanted: () => Promise<boolean>;
}): Promise<SessionOutcome> {
  const { cameraId, known } = options;
  const sessionMs = 6 * hourMs + Math.floor(Math.random() * 6 * hourMs); // jitter: 3,000 sessions must not end together
  let outcome: SessionOutcome | undefined;
  const scope = new CancellationScope();
  const session = scope.run(async () => {
    outcome = await offerSession({ cameraId, sessionMs, known });
  });
  const hasEnded = (): boolean => outcome !== undefined;
  do {
    await Promise.race([session, condition(options.isIntentPending)]);
  } while (!hasEnded() && (await options.isStillWanted()));
  if (!hasEnded()) await Promise.race([session, condition(hasEnded, selfStopMs)]);
  if (!hasEnded()) {
    scope.cancel();
    await session.catch((error: unknown) => {
      if (!isCancellation(error)) throw error;
    });
  }
  return outcome ?? { kind: 'interrupted' };
}

async function offerSession(session: {
  cameraId: string;
  sessionMs: number;
  known: CarriedState;
}): Promise<SessionOutcome> {
  const { cameraId, sessionMs, known } = session;
  const request = { cameraId, sessionMs, knownState: known.state, knownReason: known.reason };
  if (known.hostId !== null) {
    const onSameHost = activitiesOn(hostQueue(known.hostId), sessionMs, sameHostWaitMs, 1);
    try {
      return ended(await onSameHost.recordSession(request));
    } catch (error) {
      if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
      log.info('The last host did not keep the camera', { cameraId, cause: causeOf(error) });
    }
  }
  const slotWaitMs = known.state === 'no-slot' ? longSlotWaitMs : noSlotAfterMs;
  // Unlimited attempts: a crashed recorder (no heartbeat for 20 s) is followed by another one, 2 s later.
  const onAnyHost = activitiesOn(recordQueue, sessionMs, slotWaitMs, 0);
  try {
    return ended(await onAnyHost.recordSession(request));
  } catch (error) {
    if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
    if (error.cause instanceof TimeoutFailure && error.cause.timeoutType === TimeoutType.SCHEDULE_TO_START) {
      return { kind: 'no-slot' };
    }
    log.error('A session failed; the next one starts in a minute', { cameraId, cause: causeOf(error) });
    await sleep('1 minute');
    return { kind: 'interrupted' };
  }
}

function activitiesOn(taskQueue: string, sessionMs: number, scheduleToStartMs: number, maximumAttempts: number) {
  return proxyActivities<RecordSessionActivities>({
    taskQueue,
    startToCloseTimeout: sessionMs + 15 * 60_000,
    scheduleToStartTimeout: scheduleToStartMs,
    heartbeatTimeout: '20s',
    // The recording itself ends by the recorder's own watcher; the workflow need not wait for a dead host's answer.
    cancellationType: ActivityCancellationType.TRY_CANCEL,
    retry: { initialInterval: '2s', backoffCoefficient: 1, ...(maximumAttempts > 0 ? { maximumAttempts } : {}) },
  });
}

function ended(result: SessionResult): SessionOutcome {
  return { kind: 'ended', hostId: result.hostId, reason: result.reason };
}

function causeOf(error: ActivityFailure): string {
  return error.cause?.message ?? error.message;
}

import type { CameraState } from './camera.ts';
import type { GapReason } from './gap-reason.ts';

/** Faults that a person has to mend at the camera or in its settings. */
const needsAttention: ReadonlySet<GapReason> = new Set(['auth', 'not-found']);

/** Faults that a restart of camera or network cures at first, and that nobody will cure once they have lasted. */
const attentionWhenLasting: ReadonlySet<GapReason> = new Set(['unreachable', 'no-media', 'bad-stream']);

/** With backoff these are about two minutes: a camera's firmware update is over by then. */
const lastingAttempts = 6;

/**
 * The state of a camera that is wanted but gives no footage.
 * @param attempts tries failed in a row, 1 after the first
 */
export function stateAfterFailure(reason: GapReason, attempts: number): CameraState {
  if (reason === 'no-slot') return 'no-slot';
  if (needsAttention.has(reason)) return 'attention';
  if (attentionWhenLasting.has(reason) && attempts >= lastingAttempts) return 'attention';
  return 'reconnecting';
}

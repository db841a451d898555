import type { Failure } from './failure.ts';
import type { Assignment } from './journal.ts';

/** What became of one connection to a camera. */
export interface RunEnd {
  /** Null: it was asked to end, or the camera sends another codec than expected and a new run follows at once. */
  failure: Failure | null;
  /** What SDP said. */
  stream: Assignment['stream'];
  /** Media that was closed. */
  footageMs: number;
  /** Why the next run is better without sound, and that it is; null = nothing speaks against it. */
  badSound: string | null;
}

const leftOut = 'It is recorded without sound.';

/**
 * Whether the sound is at fault that a run ended.
 * @param cause `no-sound`: none came, or no more
 * @param mayBlame packets of video came, and no picture was written
 */
export function judgeSound(
  cause: Failure | 'no-sound' | null,
  mayBlame: boolean,
): Pick<RunEnd, 'failure' | 'badSound'> {
  if (cause === 'no-sound') {
    return { failure: null, badSound: `The camera sends none of the sound that it announces. ${leftOut}` };
  }
  if (!mayBlame || (cause?.reason !== 'no-media' && cause?.reason !== 'bad-stream')) {
    return { failure: cause, badSound: null };
  }
  const badSound = `${cause.detail} ${leftOut}`;
  return { failure: { ...cause, detail: badSound }, badSound };
}

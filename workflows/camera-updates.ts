import { ApplicationFailure, setHandler } from '@temporalio/workflow';
import {
  pauseUpdate,
  purgeNowUpdate,
  reactivateUpdate,
  reconfigureUpdate,
  resumeUpdate,
  retireUpdate,
  type IntentChange,
} from './messages.ts';

/** Whether an intent change waits to be read from Postgres. */
export interface IntentChanges {
  pending(): boolean;
  taken(): void;
  mark(): void;
}

/**
 * Accepts every update that says "the intent in Postgres changed". Handlers finish at once: what follows is the
 * main loop's, so that none of them can wait across continue-as-new. Starts as pending, since a new run knows nothing.
 */
export function acceptIntentChanges(): IntentChanges {
  let isPending = true;
  const mark = (): void => {
    isPending = true;
  };
  for (const update of [pauseUpdate, resumeUpdate, reconfigureUpdate, retireUpdate, reactivateUpdate, purgeNowUpdate]) {
    setHandler(update, mark, { validator: checkIntentChange });
  }
  return {
    pending: () => isPending,
    taken: () => {
      isPending = false;
    },
    mark,
  };
}

/** Synchronous: the SDK never awaits a validator. */
function checkIntentChange(change: IntentChange): void {
  if (!Number.isSafeInteger(change?.configVersion) || change.configVersion < 1) {
    throw ApplicationFailure.nonRetryable('configVersion must be a positive integer', 'InvalidIntentChange');
  }
}

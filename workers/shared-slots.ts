import type { ActivitySlotInfo, CustomSlotSupplier, SlotPermit } from '@temporalio/worker';

/**
 * One budget of activity slots for several workers of a process: a camera costs one slot whether its session came by
 * `record` or by the host's own queue (Temporal's own suppliers count per worker).
 *
 * Only tasks that run are counted, not polls: with a permit per poll, an idle host queue would hold slots that
 * `record` waits for. Two polls that are answered at the same moment can exceed the budget by one; the activity
 * itself refuses that one.
 */
export function createSharedSlots(slots: number): CustomSlotSupplier<ActivitySlotInfo> {
  let used = 0;
  const running = new Set<SlotPermit>();
  let waiting: (() => void)[] = [];

  return {
    type: 'custom',
    async reserveSlot(_context, abortSignal) {
      while (used >= slots) {
        abortSignal.throwIfAborted();
        await new Promise<void>((resolve, reject) => {
          const onAbort = (): void => reject(abortSignal.reason as Error);
          abortSignal.addEventListener('abort', onAbort, { once: true });
          waiting.push(() => {
            abortSignal.removeEventListener('abort', onAbort);
            resolve();
          });
        });
      }
      return {};
    },
    // Asked for eager dispatch only, which never happens on queues without workflows.
    tryReserveSlot: () => null,
    markSlotUsed({ permit }) {
      running.add(permit);
      used += 1;
    },
    releaseSlot({ permit }) {
      if (!running.delete(permit)) return; // the poll came back without a task
      used -= 1;
      const woken = waiting;
      waiting = [];
      for (const wake of woken) wake();
    },
  };
}

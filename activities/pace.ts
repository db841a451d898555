import { Context } from '@temporalio/activity';

/**
 * SeaweedFS deletes 3,300 objects a second; four shards of a sweep, or the few purges of a worker, at this rate each leave
 * the database and the store to others.
 */
const usualSegmentsPerSecond = 800;

/** How much longer a batch should take that has taken so long, in ms. */
export function restOfBatchMs(objects: number, tookMs: number, perSecond = usualSegmentsPerSecond): number {
  return Math.max(0, (objects / perSecond) * 1000 - tookMs);
}

/** Leaves the database and the store to others. @throws CancelledFailure where the worker stops: another one goes on */
export async function restAfterBatch(
  { maxSegmentsPerSecond }: { maxSegmentsPerSecond?: number },
  objects: number,
  beganMs: number,
): Promise<void> {
  await Context.current().sleep(restOfBatchMs(objects, performance.now() - beganMs, maxSegmentsPerSecond));
}

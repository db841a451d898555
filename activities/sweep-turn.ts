import { setTimeout as sleep } from 'node:timers/promises';
import { markDue } from '../db/due-footage.ts';
import { lockTerms, type CameraTerms } from '../db/retention.ts';
import { transaction, type Pool } from '../db/sql.ts';
import { cutoffMs } from '../domain/retention.ts';
import type { Logger } from '../log.ts';
import { noFailpoint } from '../recorder/failpoint.ts';
import { deleteBatchSize, deleteMarkedFootage, type DeleteFootageDeps } from './delete-footage.ts';
import { restOfBatchMs } from './pace.ts';

export interface SweptFootage {
  segments: number;
  bytes: number;
  refused: number;
}

export interface SweepTurnDeps extends DeleteFootageDeps {
  db: Pool;
  log: Logger;
  /** Of each shard. */
  maxSegmentsPerSecond?: number;
  /** Of a camera, before all others of its shard have had a turn. */
  maxSegmentsATurn?: number;
}

/** Six seconds at the usual rate: so long does a camera of which months are due keep each other one waiting. */
const usualSegmentsATurn = 5_000;

/** A camera, and where its next turn goes on. */
export interface SweepTurn {
  camera: CameraTerms;
  /** Rows to mark. */
  left: number;
  afterMs: number | undefined;
  refused: number;
}

/**
 * Deletes what is due of a camera, oldest first, until a turn is over.
 * @param total what is deleted is added to it, batch by batch
 * @param beat told before each batch
 * @returns whether the camera is done, or another turn is needed
 */
export async function takeTurn(
  deps: SweepTurnDeps,
  turn: SweepTurn,
  atMs: number,
  total: SweptFootage,
  beat: () => void,
): Promise<boolean> {
  const failpoint = deps.failpoint ?? noFailpoint;
  const { camera } = turn;
  const most = deps.maxSegmentsATurn ?? usualSegmentsATurn;
  let taken = 0;
  while (taken < most) {
    beat();
    const beganMs = performance.now();
    const { afterMs } = turn;
    const limit = Math.min(turn.left, deleteBatchSize, most - taken);
    turn.left -= limit === 0 ? 0 : await markBatch(deps.db, camera.internalId, { atMs, afterMs, limit });
    await failpoint('sweep-marked');
    const batch = await deleteMarkedFootage(deps, camera, { cause: 'retention', afterMs });
    if (batch === null) return true;
    for (const { key, error } of batch.refused) deps.log.warn({ key, cause: error }, 'an object was not deleted');
    total.segments += batch.segments;
    total.bytes += batch.bytes;
    total.refused += batch.refused.length;
    turn.refused += batch.refused.length;
    turn.afterMs = batch.lastStartMs;
    taken += batch.segments + batch.refused.length;
    await sleep(restOfBatchMs(batch.segments, performance.now() - beganMs, deps.maxSegmentsPerSecond));
  }
  return false;
}

/** A longer retention, a hold or a purge either precedes the mark or waits for it. */
function markBatch(
  db: Pool,
  internalId: number,
  { atMs, ...batch }: { atMs: number; afterMs: number | undefined; limit: number },
): Promise<number> {
  return transaction(db, async (tx) => {
    const terms = await lockTerms(tx, internalId);
    return terms === null ? 0 : markDue(tx, internalId, { ...batch, atMs, cutoffMs: cutoffMs(terms, atMs) });
  });
}

import { Context } from '@temporalio/activity';
import { collectable, done, due, findCatalogued, postpone } from '../db/object-gc.ts';
import { transaction, type Pool } from '../db/sql.ts';
import type { Logger } from '../log.ts';
import { noFailpoint, type Failpoint } from '../recorder/failpoint.ts';
import { parseObjectKey } from '../storage/keys.ts';
import type { Objects } from '../storage/objects.ts';
import { readDoubtedClocks, type DeletionClockDeps } from './deletion-clocks.ts';
import { finishedOf, lookForFinals, sparedSources } from './spare-sources.ts';

export interface CollectObjectsActivities {
  /** Deletes the objects whose time has come. */
  collectObjects(): Promise<{ deleted: number; kept: number }>;
}

interface CollectDeps {
  db: Pool;
  objects: Objects;
  log: Logger;
  now: () => number;
  failpoint?: Failpoint;
}

/** Keys of a batch are locked while the store deletes them; 500 take some tenths of a second. */
const batchSize = 500;
/** A store that refuses now may not do so in an hour. */
const refusedMs = 3_600_000;

/** The scheduled activity: batch by batch until nothing is due. */
export function createCollectObjectsActivities(deps: CollectDeps & DeletionClockDeps): CollectObjectsActivities {
  return {
    async collectObjects() {
      const total = { deleted: 0, kept: 0 };
      // Due by every clock: by one that is fast, what a player reads or a job is about to store would go too early.
      const { earlierMs, doubt } = await readDoubtedClocks(deps);
      if (doubt !== null) {
        deps.log.error({ doubt }, 'no objects are collected by these clocks');
        return total;
      }
      for (;;) {
        Context.current().heartbeat();
        const batch = await collectBatch({ ...deps, now: () => earlierMs });
        total.deleted += batch.deleted;
        total.kept += batch.kept;
        if (batch.taken < batchSize) break;
      }
      if (total.deleted > 0) deps.log.info(total, 'objects collected');
      return total;
    },
  };
}

/**
 * Deletes one batch of objects that nothing needs: re-checked against the catalogue, deleted in all versions, looked
 * for, forgotten. The keys stay locked meanwhile, so that a job which is about to store the same bytes waits, and
 * stores them after this.
 */
export async function collectBatch(deps: CollectDeps): Promise<{ taken: number; deleted: number; kept: number }> {
  const failpoint = deps.failpoint ?? noFailpoint;
  // Before anything is locked: the store may take long to answer.
  const finals = await lookForFinals(deps, finishedOf(await due(deps.db, deps.now(), batchSize)));
  return transaction(deps.db, async (tx) => {
    const keys = await collectable(tx, deps.now(), batchSize);
    if (keys.length === 0) return { taken: 0, deleted: 0, kept: 0 };
    const objects = keys.map((one) => ({ ...one, name: parseObjectKey(one.key) }));
    const live = await findCatalogued(
      tx,
      objects.flatMap(({ name }) => (name === null ? [] : [name])),
    );
    const isLive = (name: ReturnType<typeof parseObjectKey>): boolean =>
      name !== null && live.has(`${name.cameraId} ${name.startMs} ${name.sha256}`);
    // What is no key of ours was not made by us, and is not ours to delete.
    const kept = objects.filter(({ name }) => name === null || isLive(name)).map(({ key }) => key);
    const useless = objects.filter(({ key }) => !kept.includes(key));
    const last = await sparedSources(deps, tx, finishedOf(useless), finals);
    const doomed = useless.filter(({ key }) => !last.has(key)).map(({ key }) => key);
    await failpoint('checked');
    const failures = await deps.objects.remove(doomed);
    await failpoint('removed');
    const left = new Set(await deps.objects.remaining(doomed));
    for (const { key, error } of failures) deps.log.warn({ key, cause: error }, 'an object could not be deleted');
    const deleted = doomed.filter((key) => !left.has(key));
    // A locked object must not stand in the way of others for as long as its lock lasts.
    const nowMs = deps.now();
    await postpone(tx, [...left], { nowMs, notBeforeMs: nowMs + refusedMs });
    await done(tx, [...deleted, ...kept]);
    await failpoint('forgotten');
    return { taken: keys.length, deleted: deleted.length, kept: kept.length + last.size };
  });
}

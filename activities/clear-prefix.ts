import { Context } from '@temporalio/activity';
import { noteFound } from '../db/purge.ts';
import type { Db } from '../db/sql.ts';
import { noFailpoint, type Failpoint } from '../recorder/failpoint.ts';
import type { Objects, ObjectTrace } from '../storage/objects.ts';
import { deleteBatchSize } from './delete-footage.ts';
import { restAfterBatch } from './pace.ts';

interface ClearDeps {
  db: Db;
  objects: Objects;
  maxSegmentsPerSecond?: number;
  failpoint?: Failpoint;
}

/** Removes all that is stored below a camera's prefix, then looks. @returns something that stays, or null */
export async function clearPrefix(deps: ClearDeps, prefix: string): Promise<{ key: string; error: string } | null> {
  const failpoint = deps.failpoint ?? noFailpoint;
  let batch: ObjectTrace[] = [];
  const removeBatch = async (): Promise<{ key: string; error: string }[]> => {
    await noteFound(deps.db, [...new Set(batch.filter(({ kind }) => kind !== 'upload').map(({ key }) => key))]);
    const beganMs = performance.now();
    const failures = await deps.objects.removeTraces(batch);
    await failpoint('trace-removed');
    await restAfterBatch(deps, batch.length, beganMs);
    batch = [];
    Context.current().heartbeat();
    return failures;
  };
  const failures: { key: string; error: string }[] = [];
  for await (const trace of deps.objects.traces(prefix)) {
    batch.push(trace);
    if (batch.length >= deleteBatchSize) failures.push(...(await removeBatch()));
  }
  if (batch.length > 0) failures.push(...(await removeBatch()));
  for await (const { key } of deps.objects.traces(prefix)) {
    return failures.find((failure) => failure.key === key) ?? { key, error: 'still there after its deletion' };
  }
  return null;
}

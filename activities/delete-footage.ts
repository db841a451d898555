import { forgetMarked, markedSegments, type DeletionCause } from '../db/deletion-ledger.ts';
import type { ObjectRow } from '../db/object-row.ts';
import type { Db } from '../db/sql.ts';
import { noFailpoint, type Failpoint } from '../recorder/failpoint.ts';
import { objectKey } from '../storage/keys.ts';
import type { Objects } from '../storage/objects.ts';

export interface DeleteFootageDeps {
  db: Db;
  objects: Objects;
  /** For tests of time: the database's own clock. */
  databaseNow?: (db: Db) => Promise<number>;
  failpoint?: Failpoint;
}

/** Whose footage is deleted. */
export interface DeletedFrom {
  internalId: number;
  tenantId: string;
  cameraId: string;
}

/** What one batch came to. */
export interface DeletedBatch {
  segments: number;
  bytes: number;
  /** Start of the batch's last row: the cursor for the next one. */
  lastStartMs: number;
  /** Rows that stay marked, since their object could not be deleted: the store says why. They are tried again. */
  refused: { key: string; error: string }[];
}

/** The S3 protocol's own limit for one bulk delete; also the most rows one statement should mark (storage lock times). */
export const deleteBatchSize = 1000;

/**
 * Deletes one batch of a camera's marked rows (`state` 1) and their objects: delete objects -> look that they are gone,
 * in every version -> delete rows and note them in the ledger. What to delete is decided by whoever marks (the
 * retention sweep, the purge), each in a statement of its own; from the mark on the API does not show the footage.
 * Killed at any point it is simply called again: marked rows stay until their objects are seen to be gone.
 * @param options.afterMs cursor: start of the last row of the batch before, so that rows whose objects the store does
 * not give up (locked ones) cannot stand in the way of the others
 * @returns null when nothing is marked after the cursor
 */
export async function deleteMarkedFootage(
  deps: DeleteFootageDeps,
  camera: DeletedFrom,
  options: { cause: DeletionCause; afterMs?: number | undefined },
): Promise<DeletedBatch | null> {
  const failpoint = deps.failpoint ?? noFailpoint;
  const marked = await markedSegments(deps.db, camera.internalId, { ...options, limit: deleteBatchSize });
  const lastStartMs = marked.at(-1)?.startMs;
  if (lastStartMs === undefined) return null;
  await failpoint('marked');
  const byKey = new Map<string, ObjectRow>(marked.map((segment) => [objectKey({ ...camera, ...segment }), segment]));
  const failures = await deps.objects.remove([...byKey.keys()]);
  await failpoint('removed');
  // The answer to a delete says what the store was told, the look says what it did.
  for (const key of await deps.objects.remaining([...byKey.keys()])) {
    byKey.delete(key);
    if (!failures.some((failure) => failure.key === key))
      failures.push({ key, error: 'still there after its deletion' });
  }
  await failpoint('looked');
  const gone = [...byKey.values()];
  const atMs = await deps.databaseNow?.(deps.db);
  const segments = await forgetMarked(deps.db, camera.internalId, gone, { cause: options.cause, atMs });
  await failpoint('forgotten');
  return { segments, bytes: gone.reduce((sum, { bytes }) => sum + bytes, 0), lastStartMs, refused: failures };
}

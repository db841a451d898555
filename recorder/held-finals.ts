import { segmentsBetween } from '../db/footage.ts';
import { forgetLostFinal } from '../db/held-windows.ts';
import type { Db } from '../db/sql.ts';
import type { HeldGroup } from '../domain/held-footage.ts';
import type { ListedSegment } from '../db/segment-row.ts';
import type { Logger } from '../log.ts';
import { objectKey } from '../storage/keys.ts';
import type { Objects } from '../storage/objects.ts';
import type { CameraIds } from './camera-ids.ts';
import type { Failpoint } from './failpoint.ts';
import type { ClosedFile } from './run-files.ts';

/** A closed file that waits for its final. */
export interface HeldFile extends ClosedFile {
  bytes: number;
  startMs: number;
  endMs: number;
  /** Since when its final is stored. */
  doneMs: number | null;
}

/** The finals that are stored of the time of these files. */
export async function finalsOf(
  db: Db,
  { cameraId, files }: { cameraId: string; files: readonly HeldFile[] },
): Promise<ListedSegment[]> {
  const fromMs = Math.min(...files.map(({ startMs }) => startMs));
  const toMs = Math.max(...files.map(({ endMs }) => endMs));
  const rows = await segmentsBetween(db, cameraId, fromMs, toMs, { limit: 10_000 });
  return rows.filter(({ variant }) => variant > 0);
}

/**
 * Whether all of a file is in this final. That of another recording only has its time: a clock may have been wrong, and
 * what proves that its pictures are there is the committer's to say.
 */
export function isIn(final: Pick<ListedSegment, 'startMs' | 'durationMs' | 'epoch'>, file: HeldFile): boolean {
  if (final.epoch !== file.name.epoch) return false;
  return final.startMs <= file.startMs && final.startMs + final.durationMs >= file.endMs;
}

/**
 * The second look at the finals of one window: an S3 server may answer a PUT before its disk has it. Where a final is
 * lost and all it was made of is still here, it is taken out of the catalogue, so that its sources are stored and
 * finished again.
 * @returns which files can go, which are to be committed as recorded, and which stay, since only part of a lost final
 * is left of them: reconcile says that it is lost, and then they are committed
 */
export async function lookAtFinals(
  deps: { db: Db; objects: Objects; cameraIds: CameraIds; log: Logger; failpoint: Failpoint },
  { cameraId, files }: HeldGroup<HeldFile>,
): Promise<{ done: HeldFile[]; uncovered: HeldFile[]; staying: HeldFile[] }> {
  const { tenantId } = await deps.cameraIds.of(cameraId);
  const finals = await finalsOf(deps.db, { cameraId, files });
  const result: Awaited<ReturnType<typeof lookAtFinals>> = { done: [], staying: [], uncovered: [] };
  result.uncovered = files.filter((file) => !finals.some((final) => isIn(final, file)));
  for (const final of finals) {
    const own = files.filter((file) => isIn(final, file) && !result.uncovered.includes(file));
    const key = objectKey({ tenantId, cameraId, ...final });
    if ((await deps.objects.stat(key))?.bytes === final.bytes) {
      result.done.push(...own);
      continue;
    }
    const heldMs = own.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0);
    const isWhole = heldMs === final.durationMs;
    const isAgain = isWhole && (await forgetLostFinal(deps.db, cameraId, final));
    await deps.failpoint('final-lost');
    const then = isAgain ? 'its sources are stored in its place' : 'its sources stay here';
    deps.log.error({ cameraId, key }, `the object store has lost a final; ${then}`);
    if (isAgain) result.uncovered.push(...own);
    else result.staying.push(...own);
  }
  return result;
}

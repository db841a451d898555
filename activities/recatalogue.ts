import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { endReservation, reserveKey, StaleSwapError } from '../db/finish-swap.ts';
import { enqueue } from '../db/object-gc.ts';
import { isWaitingForDeletion, type ReconciledCamera } from '../db/reconcile-facts.ts';
import type { Finding } from '../db/finding-row.ts';
import { forgetFinding, settleFinding } from '../db/reconcile-findings.ts';
import { lockTerms } from '../db/retention.ts';
import { commitSlow, type SlowCommit } from '../db/segments.ts';
import { transaction, type Db, type Pool } from '../db/sql.ts';
import { intersect } from '../domain/coverage.ts';
import { pieceWithin } from '../domain/segment-cut.ts';
import { entriesOf, type Segment } from '../domain/segment.ts';
import type { Logger } from '../log.ts';
import { cutFile } from '../media/mp4-cut.ts';
import type { Failpoint } from '../recorder/failpoint.ts';
import { objectKey, type ObjectName } from '../storage/keys.ts';
import type { Objects } from '../storage/objects.ts';
import { download } from './download.ts';
import { readStoredSegment, type StoredSegment } from './stored-segment.ts';

export interface RecatalogueDeps {
  db: Pool;
  objects: Objects;
  log: Logger;
  now: () => number;
  workDir: string;
  windowMs: number;
  failpoint: Failpoint;
}

interface WantedStray {
  finding: Finding;
  camera: ReconciledCamera;
  name: ObjectName;
  /** Whether it is still to be catalogued, asked under the camera's lock. */
  judgeAgain: (tx: Db) => Promise<boolean>;
}

/** A player may just be reading what is cut up. */
const uselessObjectMs = 3_600_000;
/** Longer than a part takes to be stored: what no row names after it is deleted, and a purge waits for it. */
const unfinishedKeptMs = 3_600_000;
/** Less than this between two files is the jitter of their clocks. */
const shortestPieceMs = 200;

/**
 * Gives an object its row back, as salvage commits a file: verified by its bytes, and where other footage covers part
 * of its time, cut to what is free.
 */
export async function catalogueStray(
  deps: RecatalogueDeps,
  wanted: WantedStray,
): Promise<'catalogued' | 'quarantined' | 'resolved'> {
  const { finding, camera, name } = wanted;
  const { cameraId } = camera;
  const dir = await mkdtemp(join(deps.workDir, 'stray-'));
  try {
    const path = join(dir, 'object.mp4');
    const file = await download(deps.objects, finding.key, path);
    if (file === null) {
      await forgetFinding(deps.db, finding.id);
      return 'resolved';
    }
    await deps.failpoint('fetched');
    const read = await readStoredSegment(name, { path, ...file }, null);
    const quarantine = async (why: string): Promise<'quarantined'> => {
      await settleFinding(deps.db, finding.id, { state: 'quarantined', verdict: 'quarantine', why, atMs: deps.now() });
      deps.log.warn({ cameraId, key: finding.key, why }, 'an object that no row names is put into quarantine');
      return 'quarantined';
    };
    if (typeof read === 'string') return await quarantine(read);
    const how = await commit(deps, wanted, read.segment, finding.key);
    await deps.failpoint('catalogued');
    if (how === null) return 'resolved';
    if (how === 'already') return await quarantine('covered'); // these bytes have a row, at another start
    if (typeof how === 'object') {
      const parts = await catalogueParts(deps, wanted, { ...read, path, dir }, how.free);
      if (parts === 0) return await quarantine('covered');
    }
    deps.log.warn({ cameraId, key: finding.key }, 'an object that no row named is catalogued again');
    return 'catalogued';
  } catch (error) {
    // Its camera's purge has begun, or it took longer than its reservation: the next pass looks again.
    if (!(error instanceof StaleSwapError)) throw error;
    await forgetFinding(deps.db, finding.id);
    return 'resolved';
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/**
 * The fenced insert under the locks of retention, holds and the collector. The finding is settled with it.
 * @returns null when the object is not wanted any more, or gone
 */
function commit(
  deps: RecatalogueDeps,
  { finding, camera, judgeAgain }: WantedStray,
  segment: Segment,
  key: string,
): Promise<SlowCommit | null> {
  const { internalId } = camera;
  return transaction(deps.db, async (tx) => {
    const isWanted =
      (await lockTerms(tx, internalId)) !== null &&
      !(await isWaitingForDeletion(tx, key)) &&
      // The collector may have deleted it while its key was waited for.
      (await deps.objects.stat(key)) !== null &&
      (await judgeAgain(tx));
    if (!isWanted) {
      await forgetFinding(tx, finding.id);
      return null;
    }
    const how = await commitSlow(tx, internalId, segment, deps.windowMs);
    if (how === 'committed') await settleFinding(tx, finding.id, { state: 'catalogued', atMs: deps.now() });
    await deps.failpoint('cataloguing');
    return how;
  });
}

/**
 * Objects of their own for the free parts of one that is partly covered; it goes itself.
 * @returns how many
 * @throws StaleSwapError once the camera's purge has begun
 */
async function catalogueParts(
  deps: RecatalogueDeps,
  { finding, camera, name }: WantedStray,
  { segment, index, path, dir }: StoredSegment & { path: string; dir: string },
  free: readonly { startMs: number; endMs: number }[],
): Promise<number> {
  let made = 0;
  for (const hole of free) {
    const piece = pieceWithin(index.fragments, name, hole);
    if (piece === null || piece.durationMs < shortestPieceMs) continue;
    const target = join(dir, `${piece.startMs}.mp4`);
    const file = await cutFile(path, index, piece, target);
    const { startMs, durationMs } = piece;
    const fragments = index.fragments.slice(piece.from, piece.to);
    const entries = entriesOf(fragments, index.timescale, durationMs);
    const pauses = intersect(segment.pauses ?? [], [{ startMs, endMs: startMs + durationMs }]);
    const part: Segment = { ...segment, ...file, startMs, durationMs, anchor: true, entries, pauses };
    const key = objectKey({ tenantId: camera.tenantId, cameraId: camera.cameraId, ...part });
    // A purge that begins from here on waits for it, and one that has begun refuses.
    await reserveKey(deps.db, camera.internalId, key, deps.now() + unfinishedKeptMs);
    await deps.objects.put(key, target, part.bytes, part.sha256);
    await deps.failpoint('part-stored');
    const how = await transaction(deps.db, async (tx) => {
      if ((await lockTerms(tx, camera.internalId)) === null) return { free: [] };
      const outcome = await commitSlow(tx, camera.internalId, part, deps.windowMs);
      if (typeof outcome !== 'object') await endReservation(tx, { finalKey: key, nowMs: deps.now() });
      return outcome;
    });
    // Where others were faster it goes when its reservation is over; the next pass finds what is free then.
    if (typeof how !== 'object') made += 1;
    await deps.failpoint('part-catalogued');
  }
  if (made === 0) return 0;
  await transaction(deps.db, async (tx) => {
    await enqueue(tx, [finding.key], 'overlaps', deps.now() + uselessObjectMs);
    await settleFinding(tx, finding.id, { state: 'catalogued', why: 'cut to what was free', atMs: deps.now() });
  });
  return made;
}

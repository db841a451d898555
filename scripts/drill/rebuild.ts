import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { download } from '../../activities/download.ts';
import { readStoredSegment, type StoredBefore } from '../../activities/stored-segment.ts';
import { insertRebuiltCamera } from '../../db/rebuild.ts';
import { commitSlow } from '../../db/segments.ts';
import { transaction, type Pool } from '../../db/sql.ts';
import { parseObjectKey, type ObjectName } from '../../storage/keys.ts';
import type { ListedObject } from '../../storage/listing.ts';
import type { Objects } from '../../storage/objects.ts';

/** What became of each object that was listed. */
export type ObjectFate = 'rebuilt' | 'covered' | 'gone' | { unreadable: string };

/** What a bucket alone gave. Keys by camera. */
export interface Rebuilt {
  objects: number;
  bytes: number;
  rows: number;
  /** Keys that are not ours. */
  foreign: string[];
  fates: Map<string, ObjectFate>;
}

type Item = ListedObject & { name: ObjectName };

/**
 * Rebuilds the catalogue of all footage from the bucket alone: each object is read whole, verified and catalogued by
 * its name and bytes. Where objects overlap (sources whose final is there too), finals come first, then the newest.
 * @param options.cameraId only this camera
 */
export async function rebuildCatalogue(
  deps: { objects: Objects; db: Pool; onCamera: (cameraId: string, objects: number) => void },
  options: { cameraId?: string | undefined },
): Promise<Rebuilt> {
  const rebuilt: Rebuilt = { objects: 0, bytes: 0, rows: 0, foreign: [], fates: new Map() };
  const dir = await mkdtemp(join(tmpdir(), 'framekeep-drill-'));
  try {
    // One camera's names at a time: half a million in a year of one-minute segments.
    let items: Item[] = [];
    const finish = async (): Promise<void> => {
      const first = items[0];
      if (first !== undefined) {
        deps.onCamera(first.name.cameraId, items.length);
        await rebuildCamera(deps, items, dir, rebuilt);
      }
      items = [];
    };
    for await (const object of deps.objects.list('')) {
      const name = parseObjectKey(object.key);
      if (name === null) rebuilt.foreign.push(object.key);
      if (name === null || (options.cameraId ?? name.cameraId) !== name.cameraId) continue;
      if (items[0]?.name.cameraId !== name.cameraId) await finish();
      items.push({ ...object, name });
    }
    await finish();
    return rebuilt;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function rebuildCamera(
  { objects, db }: { objects: Objects; db: Pool },
  items: readonly Item[],
  dir: string,
  rebuilt: Rebuilt,
): Promise<void> {
  const [first] = items;
  if (first === undefined) return;
  const internalId = await transaction(db, (tx) => insertRebuiltCamera(tx, first.name));
  const path = join(dir, 'object.mp4');
  let before: StoredBefore | null = null;
  const chosen = new Set(chooseApart(items));
  for (const item of items) {
    rebuilt.objects += 1;
    if (!chosen.has(item)) {
      rebuilt.fates.set(item.key, 'covered');
      continue;
    }
    const file = await download(objects, item.key, path);
    if (file === null) {
      rebuilt.fates.set(item.key, 'gone');
      continue;
    }
    rebuilt.bytes += file.bytes;
    const read = await readStoredSegment(item.name, { path, ...file }, before);
    if (typeof read === 'string') {
      rebuilt.fates.set(item.key, { unreadable: read });
      continue;
    }
    const { segment, index } = read;
    const how = await transaction(db, (tx) => commitSlow(tx, internalId, segment));
    rebuilt.fates.set(item.key, how === 'committed' ? 'rebuilt' : 'covered');
    rebuilt.rows += how === 'committed' ? 1 : 0;
    before = { endMs: segment.startMs + segment.durationMs, index };
  }
}

/** Objects that do not overlap: finals first, then the newest. */
function chooseApart(items: readonly Item[]): Item[] {
  const ranked = items.toSorted(
    (a, b) => Number(b.name.variant !== 0) - Number(a.name.variant !== 0) || b.modifiedMs - a.modifiedMs,
  );
  const chosen: Item[] = [];
  for (const item of ranked) {
    const { startMs, durationMs } = item.name;
    let low = 0;
    for (let high = chosen.length; low < high;) {
      const middle = (low + high) >> 1;
      if ((chosen[middle]?.name.startMs ?? 0) < startMs) low = middle + 1;
      else high = middle;
    }
    const [previous, next] = [chosen[low - 1]?.name, chosen[low]?.name];
    const isFree =
      (previous === undefined || previous.startMs + previous.durationMs <= startMs) &&
      (next === undefined || startMs + durationMs <= next.startMs);
    if (isFree) chosen.splice(low, 0, item);
  }
  return chosen;
}

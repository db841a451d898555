import { setTimeout as sleep } from 'node:timers/promises';
import { knownFolders } from '../db/reconcile-facts.ts';
import { forgetUnseenForeign, noteFindings, type SeenFinding } from '../db/reconcile-findings.ts';
import type { ListedObject } from '../storage/listing.ts';
import { restOfBatchMs } from './pace.ts';
import { nameless, usualKeysPerSecond, type LookDeps, type PassClock } from './reconcile-look.ts';

/**
 * More than a person would read: whoever sees these knows that a whole folder is not ours, and no more of it is listed.
 * Another application's folder in the same bucket may hold millions.
 */
const mostNoted = 1000;
const batchFolders = 500;
/** Objects listed between two heartbeats. */
const stepObjects = 1000;

/** Notes objects of no tenant or camera of this catalogue. They are never touched. @returns how many objects it saw */
export async function lookForForeign(
  deps: LookDeps,
  pass: { passId: number; clock: PassClock },
  beat: () => void,
): Promise<number> {
  const findings: SeenFinding[] = [];
  let seen = 0;
  let beganMs = performance.now();
  const note = async (object: ListedObject): Promise<void> => {
    seen += 1;
    if (findings.length < mostNoted) findings.push({ ...nameless(object, null), why: 'foreign' });
    if (seen % stepObjects !== 0) return;
    beat();
    const perSecond = deps.maxKeysPerSecond ?? usualKeysPerSecond;
    await sleep(restOfBatchMs(stepObjects, performance.now() - beganMs, perSecond));
    beganMs = performance.now();
  };
  const noteFolder = async (prefix: string): Promise<void> => {
    let noted = 0;
    for await (const object of deps.objects.list(prefix)) {
      await note(object);
      noted += 1;
      if (noted >= mostNoted) return;
    }
  };
  for await (const tenant of unknownBelow(deps, '', {}, beat)) {
    if ('object' in tenant) await note(tenant.object);
    else if ('unknown' in tenant) await noteFolder(tenant.unknown);
    else {
      for await (const camera of unknownBelow(deps, tenant.known, { tenantId: tenant.known.slice(0, -1) }, beat)) {
        if ('object' in camera) await note(camera.object);
        else if ('unknown' in camera) await noteFolder(camera.unknown);
      }
    }
  }
  await noteFindings(deps.db, findings, { passId: pass.passId, atMs: pass.clock.nowMs });
  await forgetUnseenForeign(deps.db, pass.passId);
  return seen;
}

type Below = { object: ListedObject } | { unknown: string } | { known: string };

/** What stands right below a prefix: objects, and folders that bear a known id or none. */
async function* unknownBelow(
  deps: LookDeps,
  prefix: string,
  of: { tenantId?: string },
  beat: () => void,
): AsyncGenerator<Below> {
  let folders: string[] = [];
  const sorted = async (): Promise<Below[]> => {
    beat();
    const idOf = (folder: string): string => folder.slice(prefix.length, -1);
    const known = await knownFolders(deps.db, of, folders.map(idOf));
    const below = folders.map((folder) => (known.has(idOf(folder)) ? { known: folder } : { unknown: folder }));
    folders = [];
    return below;
  };
  for await (const item of deps.objects.folder(prefix)) {
    if (!('folder' in item)) yield { object: item };
    else folders.push(item.folder);
    if (folders.length >= batchFolders) yield* await sorted();
  }
  if (folders.length > 0) yield* await sorted();
}

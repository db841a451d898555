import { knownFolders } from '../db/reconcile-facts.ts';
import { forgetUnseenForeign, noteFindings, type SeenFinding } from '../db/reconcile-findings.ts';
import type { ListedObject } from '../storage/listing.ts';
import { nameless, type LookDeps, type PassClock } from './reconcile-look.ts';

/** More than a person would read: whoever sees these knows that a whole folder is not ours. */
const mostNoted = 1000;
const batchFolders = 500;

/** Notes objects of no tenant or camera of this catalogue. They are never touched. @returns how many objects it saw */
export async function lookForForeign(
  deps: LookDeps,
  pass: { passId: number; clock: PassClock },
  beat: () => void,
): Promise<number> {
  const findings: SeenFinding[] = [];
  let seen = 0;
  const note = (object: ListedObject): void => {
    seen += 1;
    if (findings.length < mostNoted) findings.push({ ...nameless(object, null), why: 'foreign' });
  };
  for await (const tenant of unknownBelow(deps, '', {}, beat)) {
    if ('object' in tenant) note(tenant.object);
    else if ('unknown' in tenant) for await (const object of deps.objects.list(tenant.unknown)) note(object);
    else {
      for await (const camera of unknownBelow(deps, tenant.known, { tenantId: tenant.known.slice(0, -1) }, beat)) {
        if ('object' in camera) note(camera.object);
        else if ('unknown' in camera) for await (const object of deps.objects.list(camera.unknown)) note(object);
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

import { keepUntil, replacementsOf } from '../db/object-gc.ts';
import { requestPassOnce } from '../db/reconcile-passes.ts';
import type { Db, Transaction } from '../db/sql.ts';
import { errorText } from '../errors.ts';
import type { Logger } from '../log.ts';
import { objectKey, parseObjectKey, type ObjectName } from '../storage/keys.ts';
import type { Objects } from '../storage/objects.ts';

/**
 * A store that loses power may lose what it acknowledged seconds before, and the sources that a final replaced are older:
 * they may be all that is left. So they are deleted only while the final's object is there.
 */

interface SpareDeps {
  db: Db;
  objects: Pick<Objects, 'stat'>;
  log: Logger;
  now: () => number;
}

type Source = ObjectName & { key: string };

/** Asked at the same time; the store answers each in some ms. */
const lanes = 8;
/** A store that takes longer than this to fail is asked no more: a batch would take an hour. */
const hangsMs = 2000;
const lookAgainMs = 3_600_000;

/** Those keys that wait since a finish job has replaced their objects. */
export function finishedOf(keys: readonly { key: string; reason: string }[]): Source[] {
  return keys.flatMap(({ key, reason }) => {
    const name = reason === 'finished' ? parseObjectKey(key) : null;
    return name === null ? [] : [{ ...name, key }];
  });
}

/**
 * Whether the objects of the finals are there that have replaced these sources.
 * @returns by the final's key; none of one where the store gave no answer
 */
export async function lookForFinals(deps: SpareDeps, sources: readonly Source[]): Promise<Map<string, boolean>> {
  const finals = new Set((await finalsOf(deps.db, sources)).values());
  const found = new Map<string, boolean>();
  const waiting = [...finals];
  let hangs = false;
  const lane = async (): Promise<void> => {
    for (let final = waiting.shift(); final !== undefined && !hangs; final = waiting.shift()) {
      const beganMs = performance.now();
      try {
        found.set(final, (await deps.objects.stat(final)) !== null);
      } catch (error) {
        deps.log.warn({ final, cause: errorText(error) }, 'a final was looked for in vain; its sources are kept');
        hangs ||= performance.now() - beganMs > hangsMs;
      }
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return found;
}

/**
 * Lets those sources wait whose final was not seen in the store. Where it is gone reconcile is asked to look: it gives
 * the sources their rows back.
 * @param finals as `lookForFinals` found them
 * @returns keys that must not be deleted now
 */
export async function sparedSources(
  deps: SpareDeps,
  tx: Transaction,
  sources: readonly Source[],
  finals: ReadonlyMap<string, boolean>,
): Promise<Set<string>> {
  const finalOf = await finalsOf(tx, sources);
  const spared = sources.filter(({ key }) => {
    const final = finalOf.get(key);
    return final !== undefined && finals.get(final) !== true;
  });
  if (spared.length === 0) return new Set();
  const keys = spared.map(({ key }) => key);
  const gone = new Set(keys.map((key) => finalOf.get(key) ?? '').filter((final) => finals.get(final) === false));
  const nowMs = deps.now();
  await keepUntil(tx, keys, nowMs + lookAgainMs);
  if (gone.size > 0) {
    deps.log.error(
      { finals: [...gone] },
      'finals are gone from the store; their sources are kept until reconcile looks',
    );
    await requestPassOnce(tx, { by: 'service:collector', nowMs });
  }
  return new Set(keys);
}

/** By source, the key of the object that has its footage now; none where no live row has its time. */
async function finalsOf(db: Db, sources: readonly Source[]): Promise<Map<string, string>> {
  const rows = await replacementsOf(db, sources);
  return new Map(
    sources.flatMap(({ key, cameraId, startMs }) => {
      const row = rows.get(`${cameraId} ${startMs}`);
      return row === undefined ? [] : [[key, objectKey(row)] as const];
    }),
  );
}

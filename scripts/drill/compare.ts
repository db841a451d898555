import { playlistRows } from '../../db/footage.ts';
import { archiveBounds } from '../../db/rebuild.ts';
import { camerasOfShard, strayFacts, type ReconciledCamera } from '../../db/reconcile-facts.ts';
import { isLive } from '../../db/segment-checks.ts';
import type { Db } from '../../db/sql.ts';
import { dayMs } from '../../domain/retention.ts';
import type { Segment } from '../../domain/segment.ts';
import { objectKey } from '../../storage/keys.ts';
import type { Objects } from '../../storage/objects.ts';
import type { Rebuilt } from './rebuild.ts';

/** How a rebuilt catalogue differs from the live one. Of the lists there are at most `listed` entries. */
export interface Difference {
  live: number;
  same: number;
  /** Rows that play the same, but differ in where their entries begin, in `anchor` or in the measured rate. */
  equivalent: number;
  /** By reason: nothing that a restore would miss. */
  explained: Record<string, number>;
  /** By reason: what must not be. */
  unexplained: Record<string, number>;
  examples: { key: string; reason: string }[];
}

const listed = 100;

/** Compares what the bucket alone gave with the live catalogue, row by row. */
export async function compareCatalogues(
  deps: { live: Db; drill: Db; objects: Objects },
  rebuilt: Rebuilt,
  options: { cameraId?: string | undefined },
): Promise<Difference> {
  const difference: Difference = { live: 0, same: 0, equivalent: 0, explained: {}, unexplained: {}, examples: [] };
  const isAsked = ({ cameraId }: { cameraId: string }): boolean => (options.cameraId ?? cameraId) === cameraId;
  const known = (await camerasOfShard(deps.live, { shard: 0, shards: 1, fromId: 0 })).filter(isAsked);
  const liveBounds = new Map((await archiveBounds(deps.live)).map((one) => [one.cameraId, one]));
  const drillBounds = new Map((await archiveBounds(deps.drill)).filter(isAsked).map((one) => [one.cameraId, one]));
  for (const camera of known) {
    const spans = [liveBounds.get(camera.cameraId), drillBounds.get(camera.cameraId)].flatMap((one) => one ?? []);
    drillBounds.delete(camera.cameraId);
    if (spans.length === 0) continue;
    const fromMs = Math.floor(Math.min(...spans.map((one) => one.fromMs)) / dayMs) * dayMs;
    const toMs = Math.max(...spans.map((one) => one.toMs));
    for (let dayAtMs = fromMs; dayAtMs <= toMs; dayAtMs += dayMs) {
      await compareDay(deps, rebuilt, camera, dayAtMs, difference);
    }
  }
  for (const { cameraId } of drillBounds.values()) note(difference, 'unexplained', cameraId, 'unknown-camera');
  for (const [key, fate] of rebuilt.fates) {
    if (typeof fate === 'object') note(difference, 'unexplained', key, `unreadable: ${fate.unreadable}`);
  }
  return difference;
}

async function compareDay(
  { live, drill, objects }: { live: Db; drill: Db; objects: Objects },
  rebuilt: Rebuilt,
  camera: ReconciledCamera,
  fromMs: number,
  difference: Difference,
): Promise<void> {
  const ofDay = async (db: Db): Promise<Map<string, Segment>> => {
    const rows = await playlistRows(db, camera.cameraId, fromMs, fromMs + dayMs);
    const begun = rows.filter(({ startMs }) => startMs >= fromMs);
    return new Map(begun.map((row) => [objectKey({ ...camera, ...row }), row]));
  };
  const [there, here] = [await ofDay(live), await ofDay(drill)];
  difference.live += there.size;
  for (const [key, row] of there) {
    const mine = here.get(key);
    here.delete(key);
    if (mine === undefined) await explainMissing({ live, objects }, rebuilt, camera, { key, row }, difference);
    else compareRow(key, row, mine, difference);
  }
  const extra = [...here].map(([key, row]) => ({ key, ...row, sha256: row.sha256.slice(0, 16) }));
  const facts = await strayFacts(live, camera.internalId, extra, Date.now());
  for (const { key } of extra) {
    const known = facts.get(key);
    if (camera.status !== 'kept') note(difference, 'explained', key, `extra: its camera is ${camera.status}`);
    else if (known?.isCollected === true) note(difference, 'explained', key, 'extra: it waits for its deletion');
    else if (known?.isCatalogued === true) note(difference, 'explained', key, 'extra: catalogued or deleted meanwhile');
    else if (known?.wasDeleted === true) note(difference, 'unexplained', key, 'extra: it was deleted');
    else if (known?.freeMs === 0) note(difference, 'explained', key, 'extra: other live footage covers it');
    else note(difference, 'unexplained', key, 'extra: the live catalogue does not have it');
  }
}

async function explainMissing(
  { live, objects }: { live: Db; objects: Objects },
  rebuilt: Rebuilt,
  camera: ReconciledCamera,
  { key, row }: { key: string; row: Segment },
  difference: Difference,
): Promise<void> {
  const fate = rebuilt.fates.get(key);
  if (typeof fate === 'object') return; // told once, as unreadable
  if (fate === 'covered') return note(difference, 'explained', key, 'missing: other objects cover its time');
  if (!(await isLive(live, { ...camera, ...row })))
    return note(difference, 'explained', key, 'missing: replaced or deleted meanwhile');
  if ((await objects.stat(key)) === null) return note(difference, 'unexplained', key, 'missing: its object is gone');
  note(difference, 'explained', key, 'missing: stored after the listing');
}

function compareRow(key: string, live: Segment, mine: Segment, difference: Difference): void {
  const { entries: liveEntries, anchor: liveAnchor, format: liveFormat, ...liveRest } = live;
  const { entries, anchor, format, ...rest } = mine;
  const { fps: liveFps, ...liveLook } = liveFormat;
  const { fps, ...look } = format;
  const differing = [
    ...Object.keys(rest).filter((field) => Reflect.get(rest, field) !== Reflect.get(liveRest, field)),
    ...Object.keys(look).filter((field) => Reflect.get(look, field) !== Reflect.get(liveLook, field)),
  ];
  const totals = (of: Segment['entries']): string => `${sum(of, 'bytes')} ${sum(of, 'ms')}`;
  if (totals(entries) !== totals(liveEntries)) differing.push('entries');
  if (differing.length > 0) return note(difference, 'unexplained', key, `differs in ${differing.join(', ')}`);
  const isSame = anchor === liveAnchor && Math.abs(fps - liveFps) < 0.01 && sameEntries(entries, liveEntries);
  difference[isSame ? 'same' : 'equivalent'] += 1;
}

const sum = (entries: Segment['entries'], field: 'bytes' | 'ms'): number =>
  entries.reduce((total, entry) => total + entry[field], 0);

function sameEntries(a: Segment['entries'], b: Segment['entries']): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function note(difference: Difference, kind: 'explained' | 'unexplained', key: string, reason: string): void {
  difference[kind][reason] = (difference[kind][reason] ?? 0) + 1;
  if (kind === 'unexplained' && difference.examples.length < listed) difference.examples.push({ key, reason });
}

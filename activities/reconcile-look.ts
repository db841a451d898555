import { setTimeout as sleep } from 'node:timers/promises';
import {
  camerasOfShard,
  certifiedAmong,
  comparedRows,
  strayFacts,
  type ComparedRow,
  type ReconciledCamera,
} from '../db/reconcile-facts.ts';
import { forgetUnseen, noteFindings, type SeenFinding } from '../db/reconcile-findings.ts';
import { allTerms } from '../db/retention.ts';
import type { Pool } from '../db/sql.ts';
import { besideEachOther, isSettled, judgeStray } from '../domain/reconcile.ts';
import { cutoffMs, type RetentionTerms } from '../domain/retention.ts';
import { cameraPrefix, objectKey, parseObjectKey, type ObjectName } from '../storage/keys.ts';
import type { ListedObject } from '../storage/listing.ts';
import type { Objects } from '../storage/objects.ts';
import { restOfBatchMs } from './pace.ts';

export interface LookDeps {
  db: Pool;
  objects: Objects;
  /** Listed by each shard. */
  maxKeysPerSecond?: number;
}

/** When a pass looks: by the earliest and the latest of its clocks, in ms since 1970. */
export interface PassClock {
  nowMs: number;
  latestMs: number;
}

/** Where a shard's comparison is; what a lost worker's successor goes on from. */
export interface LookProgress {
  internalId: number;
  /** All up to this key is done. */
  afterKey: string | null;
  rows: number;
  objects: number;
}

/** SeaweedFS lists 23,000 keys a second: two shards at this rate leave most of it to others. */
export const usualKeysPerSecond = 5_000;
const pageRows = 1000;
/** Keys compared between two heartbeats. */
const stepKeys = 1000;

type Row = ComparedRow & { key: string };
type Item = ListedObject & { name: ObjectName };
interface Step {
  lost: Row[];
  strays: Item[];
  others: SeenFinding[];
  /** Objects whose names are not ours. */
  strangers: SeenFinding[];
  keys: number;
}

const emptyStep = (): Step => ({ lost: [], strays: [], others: [], strangers: [], keys: 0 });

/**
 * Compares rows and objects of the cameras of one shard, and notes what does not fit. Nothing is changed by it.
 * @param progress.from where the try before this one came to
 */
export async function lookAtShard(
  deps: LookDeps,
  pass: { passId: number; clock: PassClock; shard: number; shards: number },
  progress: { from: LookProgress | null; beat: (at: LookProgress) => void },
): Promise<{ rows: number; objects: number }> {
  const at: LookProgress = { ...(progress.from ?? { internalId: 0, afterKey: null, rows: 0, objects: 0 }) };
  const terms = new Map((await allTerms(deps.db)).map((one) => [one.internalId, one]));
  for (const camera of await camerasOfShard(deps.db, { ...pass, fromId: at.internalId })) {
    if (camera.internalId !== at.internalId) at.afterKey = null;
    at.internalId = camera.internalId;
    await lookAtCamera(deps, camera, terms.get(camera.internalId) ?? null, pass, at, progress.beat);
    await forgetUnseen(deps.db, camera.internalId, pass.passId);
  }
  return { rows: at.rows, objects: at.objects };
}

async function lookAtCamera(
  deps: LookDeps,
  camera: ReconciledCamera,
  terms: RetentionTerms | null,
  pass: { passId: number; clock: PassClock },
  at: LookProgress,
  beat: (at: LookProgress) => void,
): Promise<void> {
  const perSecond = deps.maxKeysPerSecond ?? usualKeysPerSecond;
  const judge = { camera, cutoffMs: terms === null ? 0 : cutoffMs(terms, pass.clock.nowMs), clock: pass.clock };
  let step = emptyStep();
  let lastKey = at.afterKey;
  let beganMs = performance.now();
  const finishStep = async (): Promise<void> => {
    await noteFindings(deps.db, await judgeStep(deps, judge, step), { passId: pass.passId, atMs: pass.clock.nowMs });
    await noteFindings(deps.db, step.others, { passId: pass.passId, atMs: pass.clock.nowMs, state: 'damaged' });
    await noteFindings(deps.db, step.strangers, { passId: pass.passId, atMs: pass.clock.nowMs });
    const waitMs = restOfBatchMs(step.keys + step.strangers.length, performance.now() - beganMs, perSecond);
    step = emptyStep();
    at.afterKey = lastKey;
    beat({ ...at });
    if (waitMs > 0) await sleep(waitMs);
    beganMs = performance.now();
  };
  const objects = listed(deps, camera, at, async (stranger) => {
    step.strangers.push(stranger);
    if (step.strangers.length >= stepKeys) await finishStep();
  });
  for await (const { row, object } of besideEachOther(rowsOf(deps, camera, at.afterKey), objects)) {
    at.rows += row === null ? 0 : 1;
    at.objects += object === null ? 0 : 1;
    lastKey = row?.key ?? object?.key ?? lastKey;
    step.keys += 1;
    if (row === null && object !== null) step.strays.push(object);
    else if (row !== null && !row.isDeleting && object === null) step.lost.push(row);
    else if (row !== null && !row.isDeleting && object !== null && object.bytes !== row.bytes) {
      const why = `it has ${object.bytes} bytes, its row says ${row.bytes}`;
      step.others.push({ ...ofCamera(camera, row), kind: 'wrong-bytes', verdict: 'report', why, held: false });
    }
    if (step.keys >= stepKeys) await finishStep();
  }
  await finishStep();
}

/** A camera's objects; what bears a name that is not ours is put aside. */
async function* listed(
  { objects }: LookDeps,
  camera: ReconciledCamera,
  at: LookProgress,
  onStranger: (finding: SeenFinding) => Promise<void>,
): AsyncGenerator<Item> {
  for await (const item of objects.list(cameraPrefix(camera), at.afterKey ?? undefined)) {
    const name = parseObjectKey(item.key);
    if (name !== null) yield { ...item, name };
    else await onStranger(nameless(item, camera.internalId));
  }
}

/** An object that is not ours by its name: a person decides. */
export function nameless({ key, bytes }: ListedObject, internalId: number | null): SeenFinding {
  const unknown = { startMs: null, durationMs: null, held: false };
  return { key, internalId, kind: 'object-without-row', verdict: 'report', why: 'name', bytes, ...unknown };
}

async function* rowsOf(deps: LookDeps, camera: ReconciledCamera, afterKey: string | null): AsyncGenerator<Row> {
  const fromMs = afterKey === null ? null : (parseObjectKey(afterKey)?.startMs ?? null);
  let afterMs: number | null = null;
  for (;;) {
    const page = await comparedRows(deps.db, camera.internalId, { fromMs, afterMs, limit: pageRows });
    for (const row of page) {
      const key = objectKey({ ...camera, ...row });
      if (afterKey === null || key > afterKey) yield { ...row, key };
    }
    afterMs = page.at(-1)?.startMs ?? null;
    if (page.length < pageRows) return;
  }
}

function ofCamera(
  { internalId }: ReconciledCamera,
  { key, startMs, durationMs, bytes }: { key: string; startMs: number; durationMs: number; bytes: number },
) {
  return { key, internalId, startMs, durationMs, bytes };
}

/** What is to be done about what does not fit; what may be in flight is left out. */
async function judgeStep(
  deps: LookDeps,
  judge: { camera: ReconciledCamera; cutoffMs: number; clock: PassClock },
  { lost, strays }: Step,
): Promise<SeenFinding[]> {
  const { camera, clock } = judge;
  const settled = lost.filter((row) => isSettled({ endMs: row.startMs + row.durationMs }, clock.nowMs));
  const named = [...settled, ...strays.map(({ key, bytes, name }) => ({ ...name, key, bytes }))];
  if (named.length === 0) return [];
  const short = named.map((one) => ({ ...one, sha256: one.sha256.slice(0, 16) }));
  const facts = await strayFacts(deps.db, camera.internalId, short, clock.nowMs);
  const certified = await certifiedAmong(deps.db, camera.cameraId, new Set(strays.map(({ key }) => key)));
  const findings: SeenFinding[] = [];
  for (const row of settled) {
    const known = facts.get(row.key);
    const isDue = row.startMs + row.durationMs <= judge.cutoffMs && known?.isHeld !== true;
    if (known === undefined || known.isCollected || camera.status !== 'kept' || isDue) continue;
    const held = known.isHeld;
    findings.push({ ...ofCamera(camera, row), kind: 'row-without-object', verdict: 'missing', why: 'gone', held });
  }
  for (const { key, bytes, name, modifiedMs } of strays) {
    const known = facts.get(key);
    if (known === undefined || known.isCatalogued) continue;
    const { verdict, why } = judgeStray(
      {
        ...known,
        modifiedMs,
        endMs: name.startMs + name.durationMs,
        camera: camera.status,
        wasDeleted: known.wasDeleted || certified.has(key),
        cutoffMs: judge.cutoffMs,
      },
      clock,
    );
    if (verdict === 'leave') continue;
    const held = known.isHeld;
    findings.push({ ...ofCamera(camera, { ...name, key, bytes }), kind: 'object-without-row', verdict, why, held });
  }
  return findings;
}

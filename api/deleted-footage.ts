import { dueFootage } from '../db/due-footage.ts';
import { plannedPurges } from '../db/purge-preview.ts';
import { allTerms, type CameraTerms } from '../db/retention.ts';
import type { Db } from '../db/sql.ts';
import type { Tenant } from '../db/tenants.ts';
import { cutoffMs, openPause } from '../domain/retention.ts';

/** Footage that goes. */
export interface Amounts {
  segments: number;
  minutes: number;
  bytes: number;
}

/** Amounts of all, and of each camera of which something goes. */
export interface AmountsByCamera extends Amounts {
  cameras: (Amounts & { cameraId: string; name: string })[];
}

export function amountsOf(found: readonly { segments: number; durationMs: number; bytes: number }[]): Amounts {
  return sumOf(found.map(({ segments, durationMs, bytes }) => ({ segments, minutes: durationMs / 60_000, bytes })));
}

export function sumOf(parts: readonly Amounts[]): Amounts {
  const sum = (of: keyof Amounts): number => parts.reduce((all, part) => all + part[of], 0);
  return { segments: sum('segments'), minutes: sum('minutes'), bytes: sum('bytes') };
}

/** What a shorter retention deletes when it takes effect: all that is due by then and by its days alone. */
export async function deletedBy(db: Db, terms: CameraTerms): Promise<Amounts> {
  if (terms.next === null) return sumOf([]);
  return sumOf(await deletedOnlyBy(db, [{ with: terms, without: { ...terms, next: null } }], terms.next.atMs));
}

/**
 * What the archives of a tenant's retired cameras lose when they begin to age: all that is due by then and was frozen
 * else. A camera that is purged before loses it by that.
 * @param rollsAtMs when they do; null: never
 */
export async function deletedByRolling(
  db: Db,
  { id: tenantId, rollsAtMs }: Pick<Tenant, 'id' | 'rollsAtMs'>,
  nowMs: number,
): Promise<AmountsByCamera> {
  if (rollsAtMs === null) return { ...sumOf([]), cameras: [] };
  const purges = await plannedPurges(db, { nowMs, untilMs: rollsAtMs, tenantId });
  const purged = new Set(
    purges.filter(({ atMs }) => atMs !== null && atMs <= rollsAtMs).map(({ cameraId }) => cameraId),
  );
  const withVoid = (terms: CameraTerms, voidFromMs: number | undefined): CameraTerms => ({
    ...terms,
    pauses: terms.pauses.map((pause) => (pause.endMs === null ? { ...pause, voidFromMs } : pause)),
  });
  const frozen = (await allTerms(db, { tenantId }))
    .map((terms) => ({ with: withVoid(terms, rollsAtMs), without: withVoid(terms, undefined) }))
    .filter((terms) => openPause(terms.without, nowMs) !== null && !purged.has(terms.with.cameraId));
  const cameras = await deletedOnlyBy(db, frozen, rollsAtMs);
  return { ...sumOf(cameras), cameras };
}

/** What is due at an instant by terms with a change, and not by those without it. */
async function deletedOnlyBy(
  db: Db,
  terms: readonly { with: CameraTerms; without: CameraTerms }[],
  atMs: number,
): Promise<AmountsByCamera['cameras']> {
  const plan = terms.map((one) => ({
    internalId: one.with.internalId,
    cutoffsMs: [cutoffMs(one.without, atMs), cutoffMs(one.with, atMs)],
  }));
  const found = (await dueFootage(db, plan, [atMs, atMs])).filter(({ step }) => step === 1);
  const cameras = new Map(terms.map((one) => [one.with.internalId, one.with]));
  return found.map((due) => {
    const { cameraId = '', name = '' } = cameras.get(due.internalId) ?? {};
    return { cameraId, name, ...amountsOf([due]) };
  });
}

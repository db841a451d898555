import { gapToleranceMs } from './gaps.ts';

/** An object may be on its way to its row, and a row's object on its way back from a spool: left alone so long. */
export const inFlightMs = 2 * 3_600_000;

/** What is known of a stored object that no row names. Times in ms since 1970. */
export interface Stray {
  /** When it was stored, by the store's clock. */
  modifiedMs: number;
  endMs: number;
  /** It waits in `object_gc`, due or not. */
  isCollected: boolean;
  /** `foreign`: not of this catalogue, or below another tenant. */
  camera: 'foreign' | 'kept' | 'purging' | 'purged';
  /** This very footage was deleted for its age or with its camera: by the ledger or a certificate. */
  wasDeleted: boolean;
  /** The retention cutoff: what ends at or before it has reached its age. */
  cutoffMs: number;
  isHeld: boolean;
  /** Of its time that no row covers. */
  freeMs: number;
}

export type StrayWhy = 'foreign' | 'future' | 'purged' | 'deleted' | 'expired' | 'covered' | 'wanted';
export type StrayVerdict = { verdict: 'leave' | 'report' | 'quarantine' | 'catalogue'; why: StrayWhy | 'in-flight' };

/**
 * What is to be done about an object without a row. Deleted footage never rises again: it is catalogued only where
 * it is of a camera that is kept, young enough or held, never deleted before, and where it fills a hole.
 * @param clock.nowMs the earliest one of the clocks there are; `latestMs` the latest one
 */
export function judgeStray(stray: Stray, clock: { nowMs: number; latestMs: number }): StrayVerdict {
  if (stray.isCollected || stray.camera === 'purging' || stray.modifiedMs > clock.nowMs - inFlightMs) {
    return { verdict: 'leave', why: 'in-flight' };
  }
  if (stray.camera === 'foreign') return { verdict: 'report', why: 'foreign' };
  if (stray.camera === 'purged') return { verdict: 'quarantine', why: 'purged' };
  if (stray.wasDeleted) return { verdict: 'quarantine', why: 'deleted' };
  if (stray.endMs > clock.latestMs + inFlightMs) return { verdict: 'report', why: 'future' };
  if (stray.endMs <= stray.cutoffMs && !stray.isHeld) return { verdict: 'quarantine', why: 'expired' };
  if (stray.freeMs <= gapToleranceMs) return { verdict: 'quarantine', why: 'covered' };
  return { verdict: 'catalogue', why: 'wanted' };
}

/** Whether a live row whose object is not listed is old enough for that to mean something. */
export function isSettled(row: { endMs: number }, nowMs: number): boolean {
  return row.endMs <= nowMs - inFlightMs;
}

/** What a pass has compared, and what it would touch. */
export interface PassCounts {
  rows: number;
  objects: number;
  /** Rows that would become gaps, objects that would be catalogued or put into quarantine. */
  touched: number;
  /** What an operator has seen and lets pass. */
  approved: number;
}

/** A handful is no catastrophe, however small the archive is. */
const alwaysAllowed = 10;

/** Why a pass must not act, or null: it would touch more than its share. @param maxPercent of what was compared */
export function judgePass(pass: PassCounts, maxPercent: number): string | null {
  const compared = Math.max(pass.rows, pass.objects);
  const allowed = Math.max(alwaysAllowed, Math.floor((compared * maxPercent) / 100), pass.approved);
  if (pass.touched <= allowed) return null;
  return `${pass.touched} of ${compared} are not in both bucket and catalogue; up to ${allowed} are dealt with unasked.`;
}

/**
 * Puts two sequences beside each other that are both sorted by `key`, each in one pass.
 * @throws RangeError where one of them is not sorted: what seems to be missing would only stand elsewhere
 */
export async function* besideEachOther<Row extends { key: string }, Item extends { key: string }>(
  rows: AsyncIterable<Row>,
  objects: AsyncIterable<Item>,
): AsyncGenerator<{ row: Row | null; object: Item | null }> {
  const [left, right] = [inOrder(rows), inOrder(objects)];
  try {
    let [row, object] = [await left.next(), await right.next()];
    while (row !== null || object !== null) {
      const side = row === null ? 1 : object === null ? -1 : row.key < object.key ? -1 : row.key > object.key ? 1 : 0;
      yield { row: side <= 0 ? row : null, object: side >= 0 ? object : null };
      if (side <= 0) row = await left.next();
      if (side >= 0) object = await right.next();
    }
  } finally {
    await Promise.all([left.end(), right.end()]);
  }
}

function inOrder<T extends { key: string }>(sequence: AsyncIterable<T>) {
  const iterator = sequence[Symbol.asyncIterator]();
  let lastKey = '';
  return {
    async next(): Promise<T | null> {
      const { done, value } = await iterator.next();
      if (done === true) return null;
      if (value.key <= lastKey) throw new RangeError(`not sorted: ${value.key} comes after ${lastKey}`);
      lastKey = value.key;
      return value;
    },
    async end(): Promise<void> {
      await iterator.return?.();
    },
  };
}

import { dueFootage } from '../../db/due-footage.ts';
import { segmentsBetween } from '../../db/footage.ts';
import { holesOf } from '../../db/holes.ts';
import type { Db } from '../../db/sql.ts';
import { dayMs } from '../../domain/retention.ts';
import { finalMs, firstMs, type BenchCamera } from './retention-catalogue.ts';

/** What the console and the API ask of a big catalogue, by name. */
export function hotQueries(
  cameras: readonly BenchCamera[],
  perCamera: number,
): Record<string, (db: Db) => Promise<unknown>> {
  const middleMs = firstMs + (perCamera / 2) * finalMs;
  const ids = cameras.map(({ cameraId }) => cameraId);
  const cutoffsMs = Array.from({ length: 8 }, (_, day) => firstMs + day * dayMs);
  const atMs = cutoffsMs.map((ms) => ms + 366 * dayMs);
  const month = { fromMs: middleMs - 31 * dayMs, toMs: middleMs };
  return {
    preview_7_days: (db) =>
      dueFootage(
        db,
        cameras.map(({ internalId }) => ({ internalId, cutoffsMs })),
        atMs,
      ),
    timeline_day_all: (db) => holesOf(db, ids, { fromMs: middleMs - dayMs, toMs: middleMs, nowMs: middleMs }),
    timeline_month_one: (db) => holesOf(db, ids.slice(0, 1), { ...month, nowMs: middleMs }),
    segments_page: (db) => segmentsBetween(db, ids[0] ?? '', month.fromMs, month.toMs, { limit: 1000 }),
  };
}

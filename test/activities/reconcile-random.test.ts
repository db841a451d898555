import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { collectBatch } from '../../activities/collect-objects.ts';
import { placeHold } from '../../db/holds.ts';
import { enqueue } from '../../db/object-gc.ts';
import { transaction } from '../../db/sql.ts';
import { dayMs } from '../../domain/retention.ts';
import { createReconcileSite, nowMs, t0, type ReconcileSite } from './reconcile-site.ts';

let site: ReconcileSite;
beforeAll(async () => {
  site = await createReconcileSite();
});
afterAll(() => site.close());

const hourMs = 3_600_000;
const places = ['stat', 'lost', 'settled', 'fetched', 'cataloguing', 'catalogued', 'enqueued'];
/** What the world did to one segment of footage. */
const slot = fc.record({
  row: fc.boolean(),
  object: fc.boolean(),
  /** In the ledger of what was deleted. */
  deleted: fc.boolean(),
  collected: fc.boolean(),
  old: fc.boolean(),
  held: fc.boolean(),
});
const world = fc.record({
  slots: fc.array(slot, { minLength: 1, maxLength: 6 }),
  purged: fc.integer({ min: 0, max: 7 }).map((n) => n === 0),
  kills: fc.array(fc.constantFrom(...places), { maxLength: 3 }),
});

test('random worlds, killed anywhere: deleted footage never rises, wanted footage is never deleted', async () => {
  await fc.assert(
    fc.asyncProperty(world, async ({ slots, purged, kills }) => {
      const db = site.database.pool;
      await db.query(`delete from reconcile_finding`);
      await db.query(`delete from object_gc`);
      const camera = await site.addCamera(t0 - 60 * dayMs);
      const expected: string[] = [];
      const lost: number[] = [];
      for (const [i, one] of slots.entries()) {
        const startMs = (one.old ? t0 - 40 * dayMs : t0) + i * 2 * hourMs;
        // A ledger row and a live row exclude each other, and what is held is not deleted.
        const deleted = one.deleted && !one.row && !one.held;
        const { key, segment } = one.row ? await site.record(camera, startMs) : await site.store(camera, startMs);
        if (!one.object) await site.objects.remove([key]);
        if (one.collected) await enqueue(db, [key], 'finished', nowMs - 1);
        if (one.held) {
          const range = { startMs, endMs: startMs + 1 };
          const by = { reason: 'case 7', untilMs: null, placedBy: 'account:admin', placedAtMs: t0 };
          await transaction(db, (tx) => placeHold(tx, { cameraId: camera.id, ...range, ...by }));
        }
        if (deleted) {
          await db.query(
            `insert into deleted_segment (camera_id, start_at, sha256, duration_ms, bytes, epoch, variant, cause,
               deleted_at) values ($1, $2, decode($3, 'hex'), 4000, 1, 1, 0, 'retention', now())`,
            [camera.internalId, new Date(startMs), segment.sha256],
          );
        }
        const isWanted = !one.old || one.held;
        const rises = !one.row && one.object && !deleted && !one.collected && isWanted;
        // A row whose object waits for the collector, or is due anyway, is left to those.
        const isLost = one.row && !one.object && !one.collected && isWanted;
        if (isLost) lost.push(startMs);
        if ((one.row && !isLost) || rises) expected.push(key);
      }
      if (purged) {
        await db.query(`update camera set status = 'purged' where id = $1`, [camera.internalId]);
        await db.query(`delete from segment where camera_id = $1`, [camera.internalId]);
      }
      for (const place of kills) {
        const failpoint = (name: string): void => {
          if (name === place) throw new Error('killed');
        };
        await site.pass({ failpoint, maxPercent: 100 }).catch((error: Error) => {
          if (error.message !== 'killed') throw error;
        });
      }
      expect(await site.pass({ maxPercent: 100 })).toBe(true);
      const later = nowMs + 8 * dayMs;
      // What is left of the retention outlasts the quarantine.
      await site.pass({ maxPercent: 100, now: () => later, databaseNow: async () => later });
      const { objects, log } = site.deps;
      while ((await collectBatch({ db, objects, log, now: () => later })).taken > 0);

      const rows = await site.rows(camera);
      expect(rows.toSorted()).toEqual(purged ? [] : expected.toSorted());
      const stored = await site.keys(camera);
      // Nothing is stored that is not wanted, nothing wanted that was stored is gone.
      const withObject = expected.filter((key) =>
        slots.some((one, i) => one.object && key.includes(startOf(one.old, i))),
      );
      expect(stored.toSorted()).toEqual(purged ? [] : withObject.toSorted());
      if (!purged)
        expect((await site.missing(camera)).map(([startMs]) => startMs)).toEqual(lost.toSorted((a, b) => a - b));
      await db.query(`delete from segment where camera_id = $1`, [camera.internalId]);
      await objects.remove(stored);
    }),
    { numRuns: 25 },
  );
}, 240_000);

const startOf = (isOld: boolean, i: number): string => `/${(isOld ? t0 - 40 * dayMs : t0) + i * 2 * hourMs}-`;

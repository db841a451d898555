import { expect, test } from 'vitest';
import { collectBatch } from '../../activities/collect-objects.ts';
import { dayMs } from '../../domain/retention.ts';
import { killPlaces } from './kill-places.ts';
import { runProcess } from './killed-process.ts';
import { createReconcileSite, nowMs, t0 } from './reconcile-site.ts';
import type { ReconcileProcess } from './reconcile-process.ts';

const hourMs = 3_600_000;
/** When what was not wanted has been in quarantine for long enough. */
const later = nowMs + 8 * dayMs;

test(
  'killed (SIGKILL) at every step, the next passes end with the one right result',
  { timeout: 300_000 },
  async () => {
    const site = await createReconcileSite();
    const camera = await site.addCamera();
    try {
      for (const killAt of killPlaces.reconcile) {
        await site.clear();
        await site.database.pool.query(`delete from gap where camera_id = $1`, [camera.internalId]);
        const kept = await site.record(camera, t0);
        const lost = await site.record(camera, t0 + 2 * hourMs);
        await site.objects.remove([lost.key]);
        const wanted = await site.store(camera, t0 + 4 * hourMs);
        await site.record(camera, t0 + 6 * hourMs);
        const overlapping = await site.store(camera, t0 + 6 * hourMs + 2000, 1);
        const expired = await site.store(camera, t0 - 40 * dayMs);
        const passTwice = async (): Promise<void> => {
          for (let i = 0; i < 2; i += 1) expect(await site.pass(), killAt).toBe(true);
        };
        const isLate = killAt === 'enqueued';
        if (isLate) await passTwice();
        const given: ReconcileProcess = {
          databaseUrl: site.database.url,
          s3: site.s3,
          workDir: site.dir,
          nowMs: isLate ? later : nowMs,
          killAt,
        };
        expect(await runProcess('reconcile-process.ts', given), killAt).toEqual({ code: null, signal: 'SIGKILL' });
        await site.database.pool.query(`update reconcile_pass set state = 'abandoned' where state = 'running'`);
        if (!isLate) await passTwice();
        expect(await site.pass({ now: () => later, databaseNow: async () => later })).toBe(true);
        const { db, objects, log } = site.deps;
        while ((await collectBatch({ db, objects, log, now: () => later + dayMs })).taken > 0);

        const rows = await site.rows(camera);
        expect(rows, killAt).toHaveLength(4);
        expect(rows).toEqual(expect.arrayContaining([kept.key, wanted.key]));
        expect(rows.at(-1)).toContain(`/${t0 + 6 * hourMs + 4000}-2000-1-0-`);
        expect(await site.keys(camera), killAt).toEqual(rows);
        for (const { key } of [lost, overlapping, expired]) expect(rows).not.toContain(key);
        expect(await site.missing(camera), killAt).toEqual([[t0 + 2 * hourMs, t0 + 2 * hourMs + 4000]]);
      }
    } finally {
      await site.close();
    }
  },
);

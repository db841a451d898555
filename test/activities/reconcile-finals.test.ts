import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { collectBatch } from '../../activities/collect-objects.ts';
import { enqueue } from '../../db/object-gc.ts';
import { listFindings } from '../../db/reconcile-findings.ts';
import { dayMs } from '../../domain/retention.ts';
import { objectKey } from '../../storage/keys.ts';
import { createReconcileSite, nowMs, t0, type ReconcileSite } from './reconcile-site.ts';

const hourMs = 3_600_000;
let site: ReconcileSite;
beforeAll(async () => {
  site = await createReconcileSite();
});
afterEach(() => site.clear());
afterAll(() => site.close());

test('the sources of a final that the store has lost are not collected, and get their rows back', async () => {
  const { pool } = site.database;
  const camera = await site.addCamera();
  const final = await site.record(camera, t0);
  const sources = [await site.store(camera, t0, 1), await site.store(camera, t0 + 4000, 2)];
  await pool.query(`update segment set duration_ms = 8000, variant = 1`);
  const lost = objectKey({ ...camera, cameraId: camera.id, ...final.segment, durationMs: 8000, variant: 1 });
  const keys = sources.map(({ key }) => key);
  await enqueue(pool, keys, 'finished', nowMs - 2 * hourMs);
  const { db, objects, log } = site.deps;
  const refuses = { ...objects, stat: () => Promise.reject(new Error('403: AccessDenied')) };
  const then = () => nowMs - 2 * hourMs;
  expect(await collectBatch({ db, objects: refuses, log, now: then })).toEqual({ taken: 2, deleted: 0, kept: 2 });
  expect(await collectBatch({ db, objects: refuses, log, now: then })).toMatchObject({ taken: 0 }); // an hour later again
  await site.objects.remove([final.key]);

  expect(await collectBatch({ db, objects, log, now: () => nowMs })).toEqual({ taken: 2, deleted: 0, kept: 2 });
  const { rows: wanted } = await pool.query(`select requested_by from reconcile_pass where state = 'wanted'`);
  expect(wanted).toEqual([{ requested_by: 'service:collector' }]);
  expect(await site.pass()).toBe(true);
  expect(await site.rows(camera)).toEqual([]);
  expect(await listFindings(pool, { limit: 10 })).toMatchObject([{ key: lost, state: 'missing' }]);
  expect(await site.pass()).toBe(true);
  expect(await site.rows(camera)).toEqual(keys);
  expect(await collectBatch({ db, objects, log, now: () => nowMs + dayMs })).toMatchObject({ taken: 0 });
});

test('an object whose minutes were deleted by age as part of a final is covered, not wanted', async () => {
  const { pool } = site.database;
  const camera = await site.addCamera();
  const final = await site.record(camera, t0);
  await pool.query(
    `insert into deleted_segment (camera_id, start_at, duration_ms, epoch, variant, sha256, bytes, cause, deleted_at)
     select camera_id, start_at, duration_ms, epoch, 1, sha256(sha256), bytes, 'retention', $1 from segment`,
    [new Date(nowMs)],
  );
  await pool.query(`delete from segment`);
  expect(await site.pass()).toBe(true);
  expect(await site.findings(camera)).toEqual([`0 object-without-row quarantined covered`]);
  expect(await site.keys(camera)).toEqual([final.key]);
});

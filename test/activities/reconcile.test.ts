import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { enqueue } from '../../db/object-gc.ts';
import { listPasses, reconcileState, resumeReconcile } from '../../db/reconcile-passes.ts';
import { transaction } from '../../db/sql.ts';
import { resumeSweeps, stopSweeps } from '../../db/sweep-state.ts';
import { dayMs } from '../../domain/retention.ts';
import { createReconcileSite, nowMs, slotMs, t0, type ReconcileSite } from './reconcile-site.ts';
import { sweptAnHourBefore } from './whole-sweep.ts';

let site: ReconcileSite;
beforeAll(async () => {
  site = await createReconcileSite();
});
afterEach(() => site.clear());
afterAll(() => site.close());

test('where bucket and catalogue agree nothing is found and nothing is touched', async () => {
  const camera = await site.addCamera();
  for (let i = 0; i < 5; i += 1) await site.record(camera, t0 + i * slotMs);
  const before = await site.rows(camera);
  expect(await site.pass()).toBe(true);
  expect(await site.rows(camera)).toEqual(before);
  expect(await site.keys(camera)).toEqual(before);
  expect(await site.findings(camera)).toEqual([]);
  expect((await listPasses(site.database.pool, 1))[0]).toMatchObject({ state: 'done', rows: 5, objects: 5, found: {} });
});

test('a row whose object is gone becomes a gap with its evidence, loudly where it is held', async () => {
  const camera = await site.addCamera();
  const kept = await site.record(camera, t0);
  const lost = await site.record(camera, t0 + slotMs);
  const held = await site.record(camera, t0 + 2 * slotMs);
  await site.hold(camera, t0 + 2 * slotMs, t0 + 3 * slotMs);
  await site.objects.remove([lost.key, held.key]);
  expect(await site.pass()).toBe(true);
  expect(await site.rows(camera)).toEqual([kept.key]);
  expect(await site.missing(camera)).toEqual([
    [t0 + slotMs, t0 + slotMs + 4000],
    [t0 + 2 * slotMs, t0 + 2 * slotMs + 4000],
  ]);
  expect(await site.findings(camera)).toEqual([
    '2 row-without-object missing gone held',
    '1 row-without-object missing gone',
  ]);
  const { rows } = await site.database.pool.query(`select evidence from reconcile_finding where key = $1`, [lost.key]);
  expect(rows).toMatchObject([{ evidence: { bytes: lost.segment.bytes, sha256: `\\x${lost.segment.sha256}` } }]);
  expect(await site.pass()).toBe(true);
  expect(await site.findings(camera)).toHaveLength(2);
});

test('an object that comes back while the pass waits is not lost', async () => {
  const camera = await site.addCamera();
  const row = await site.record(camera, t0);
  await site.objects.remove([row.key]);
  let judged = false;
  const acted = site.pass({
    now: () => {
      judged = true;
      return nowMs;
    },
    failpoint: () => undefined,
    databaseNow: async () => {
      if (judged && (await site.findings(camera)).length > 0) await site.store(camera, t0);
      return nowMs;
    },
  });
  expect(await acted).toBe(true);
  expect(await site.rows(camera)).toEqual([row.key]);
  expect(await site.findings(camera)).toEqual([]);
  expect(await site.missing(camera)).toEqual([]);
});

test('a young row, a young object and what the collector has are left alone', async () => {
  const camera = await site.addCamera();
  const young = await site.record(camera, nowMs - 3_600_000);
  await site.objects.remove([young.key]);
  const waiting = await site.store(camera, t0);
  await enqueue(site.database.pool, [waiting.key], 'overlaps', nowMs + dayMs);
  expect(await site.pass()).toBe(true);
  const inFlight = await site.store(camera, t0 + slotMs);
  // By these clocks it was stored a minute ago.
  const soon = () => Date.now() + 60_000;
  expect(await site.pass({ now: soon, databaseNow: async () => soon() })).toBe(true);
  expect(await site.findings(camera)).toEqual([]);
  expect(await site.rows(camera)).toEqual([young.key]);
  expect(await site.keys(camera)).toEqual([waiting.key, inFlight.key]);
});

test('a bucket that is emptied stops the pass before it touches anything; an operator lets it go on', async () => {
  const camera = await site.addCamera();
  const stored = [];
  for (let i = 0; i < 12; i += 1) stored.push(await site.record(camera, t0 + i * slotMs));
  await site.objects.remove(stored.map(({ key }) => key));
  expect(await site.pass({}, { dryRun: true })).toBe(false);
  expect((await listPasses(site.database.pool, 1))[0]).toMatchObject({
    state: 'done',
    dryRun: true,
    found: { missing: 12 },
  });
  expect(await site.pass()).toBe(false);
  expect(await site.rows(camera)).toHaveLength(12);
  expect((await reconcileState(site.database.pool)).stopped).toMatchObject({ reason: 'too-many', found: 12 });
  expect(await site.pass()).toBeNull();
  await transaction(site.database.pool, resumeReconcile);
  expect(await site.pass()).toBe(true);
  expect(await site.rows(camera)).toEqual([]);
  expect(await site.missing(camera)).toHaveLength(12);
  expect(await reconcileState(site.database.pool)).toEqual({ stopped: null, approved: 0 });
});

const far = nowMs + 400 * dayMs;
test.each([
  ['here', { now: () => far, storeNow: async () => nowMs }],
  ['in the database', { databaseNow: async () => far }],
  ['in the object store', { storeNow: async () => far }],
  ['here and in the database', { now: () => far, databaseNow: async () => far, storeNow: async () => nowMs }],
])('a clock that differs stops it: %s', async (_where, clocks) => {
  expect(await site.pass(clocks)).toBeNull();
  const { stopped } = await reconcileState(site.database.pool);
  expect(stopped).toMatchObject({ reason: 'clock', text: expect.stringContaining('in the object store') });
  await transaction(site.database.pool, resumeReconcile);
});

test('it waits for the sweep where all clocks jump together, also one under way: the last sweep gives them away', async () => {
  const camera = await site.addCamera();
  const stray = await site.store(camera, t0 - 100 * dayMs); // expired
  const young = await site.store(camera, t0);
  const row = await site.record(camera, t0 + slotMs);
  await enqueue(site.database.pool, [young.key], 'overlaps', far); // known, not a finding
  expect(await site.pass()).toBe(true);
  const before = await site.findings(camera);
  expect(before).toEqual(['-2400 object-without-row quarantined expired']);
  await sweptAnHourBefore(site.database.pool, nowMs);
  const jumped = { now: () => far, databaseNow: async () => far };
  expect(await site.pass(jumped)).toBeNull();
  // Nothing but the sweep is to be resumed.
  expect((await reconcileState(site.database.pool)).stopped).toBeNull();
  expect(await site.findings(camera)).toEqual(before);
  // A sweep that is stopped for what it found looks at no clock: it is late, and nothing is wrong with them.
  await stopSweeps(site.database.pool, { reason: 'unpredicted', text: 'too much', atMs: nowMs, dueMs: 1 });
  const weekLater = nowMs + 8 * dayMs;
  expect(await site.pass({ now: () => weekLater, databaseNow: async () => weekLater })).toBeNull();
  await transaction(site.database.pool, (tx) => resumeSweeps(tx, nowMs));
  expect((await reconcileState(site.database.pool)).stopped).toBeNull();
  // They are good when it begins, and have jumped when it is to act.
  let read = 0;
  const databaseNow = async (): Promise<number> => ((read += 1) === 1 ? nowMs : far);
  const now = (): number => (read <= 1 ? nowMs : far);
  const jumping = { databaseNow, now, storeNow: async () => (read === 0 ? nowMs : far) };
  await expect(site.pass(jumping)).rejects.toThrow('may have jumped together');
  expect(await site.findings(camera)).toEqual(before);
  expect(await site.keys(camera)).toEqual([stray.key, young.key, row.key]);
  // Where sweeps went on meanwhile, its time in quarantine is over.
  const overMs = nowMs + 8 * dayMs;
  await sweptAnHourBefore(site.database.pool, overMs);
  expect(await site.pass({ now: () => overMs, databaseNow: async () => overMs })).toBe(true);
  expect(await site.findings(camera)).toEqual(['-2400 object-without-row deleting expired']);
  await site.database.pool.query(`update retention_sweep set looked_at = null, swept_at = null, resumed_at = null`);
});

test('a clock that jumps while a pass looks leaves what is in quarantine', async () => {
  const camera = await site.addCamera();
  const stray = await site.store(camera, t0 - 100 * dayMs); // expired
  expect(await site.pass()).toBe(true);
  const [before] = await site.findings(camera);
  let asked = 0;
  // As all clocks say when it begins; when it is to act the store says otherwise.
  const storeNow = async (): Promise<number> => ((asked += 1) === 1 ? far : nowMs);
  await expect(site.pass({ now: () => far, databaseNow: async () => far, storeNow })).rejects.toThrow('s apart');
  expect(await site.findings(camera)).toEqual([before]);
  expect(before).toContain('quarantined expired');
  expect(await site.keys(camera)).toEqual([stray.key]);
});

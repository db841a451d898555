import { afterAll, beforeAll, expect, test } from 'vitest';
import { notePurgeWait } from '../../db/deletion-health.ts';
import { enqueue, postpone } from '../../db/object-gc.ts';
import { noteSweep, stopSweeps } from '../../db/sweep-state.ts';
import { startApi, type ApiUnderTest } from './api-under-test.ts';

const hourMs = 3_600_000;
const t0 = Date.UTC(2026, 10, 2, 12);
let nowMs = t0;
let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApi({ now: () => nowMs });
});
afterAll(() => api.close());

/** Codes and texts of what is wrong with deletions. */
async function problems(): Promise<[string | undefined, string, string, string][]> {
  const { problems: all } = (await api.call('GET', '/v1/status')).json<{
    problems: { code?: string; name: string; what: string; since: string }[];
  }>();
  return all
    .filter(({ code }) => code !== undefined)
    .map(({ code, name, what, since }) => [code, name, what, since] as const)
    .map(([code, ...rest]) => [code, ...rest]);
}

async function metric(name: string): Promise<string[]> {
  const { body } = await api.call('GET', '/metrics');
  return body.split('\n').filter((line) => line.startsWith(`framekeep_${name}`));
}

const iso = (ms: number): string => new Date(ms).toISOString();
const sweep = { atMs: t0, segments: 1, bytes: 1, forecast: [], knownEntries: 0, isWhole: true };

test('a sweep that is overdue, meets locked objects, or is stopped', async () => {
  expect(await metric('sweep_last_age_seconds')).toEqual(['framekeep_sweep_last_age_seconds Nan']);
  await noteSweep(api.deps.pool, { ...sweep, refused: 0 });
  nowMs = t0 + hourMs;
  expect(await problems()).toEqual([]);
  nowMs += 1;
  await noteSweep(api.deps.pool, { ...sweep, atMs: nowMs, refused: 0, isWhole: false });
  const overdue = 'has not come to its end for more than an hour';
  expect(await problems()).toEqual([['sweep-overdue', 'The retention sweep', overdue, iso(t0)]]);
  expect(await metric('sweep_')).toEqual(['framekeep_sweep_stopped 0', 'framekeep_sweep_last_age_seconds 3600.001']);

  await noteSweep(api.deps.pool, { ...sweep, atMs: t0 + hourMs, refused: 2 });
  await noteSweep(api.deps.pool, { ...sweep, atMs: t0 + 2 * hourMs, refused: 1 });
  const refused = ['sweep-refused', 'The retention sweep', 'the store does not delete 1 object', iso(t0 + hourMs)];
  expect(await problems()).toEqual([refused]);
  expect(await metric('deletions_refused')).toContain('framekeep_deletions_refused{by="sweep"} 1');
  await noteSweep(api.deps.pool, { ...sweep, atMs: t0 + 2 * hourMs, refused: 0 });
  expect(await problems()).toEqual([]);

  const stop = { reason: 'unpredicted' as const, text: '99 hours are due.', atMs: t0 + 2 * hourMs, dueMs: 1 };
  await stopSweeps(api.deps.pool, stop);
  nowMs = t0 + 9 * hourMs;
  const stopped = 'is stopped and waits for an operator: 99 hours are due.';
  expect(await problems()).toEqual([['sweep-stopped', 'The retention sweep', stopped, iso(t0 + 2 * hourMs)]]);
  expect(await metric('sweep_stopped')).toEqual(['framekeep_sweep_stopped 1']);
  await api.deps.pool.query(`update retention_sweep set stopped_at = null, stop_reason = null, swept_at = $1`, [
    iso(nowMs),
  ]);
});

test('objects that the collector is refused again and again, since the first time', async () => {
  await enqueue(api.deps.pool, ['a', 'b'], 'finished', nowMs);
  await postpone(api.deps.pool, ['a'], { nowMs: nowMs - 2 * hourMs, notBeforeMs: nowMs - hourMs });
  await postpone(api.deps.pool, ['a'], { nowMs: nowMs - hourMs, notBeforeMs: nowMs });
  expect(await problems()).toEqual([
    ['collector-refused', 'The collector', 'the store does not delete 1 object', iso(nowMs - 2 * hourMs)],
  ]);
  expect(await metric('deletions_refused')).toContain('framekeep_deletions_refused{by="collector"} 1');
  await api.deps.pool.query(`delete from object_gc`);
});

test('rolling deletions that are in no certificate a day after they could be', async () => {
  const camera = await api.addCamera({ name: 'Certified' });
  const deletedAt = '2026-09-30T23:59:59.999Z';
  await api.deps.pool.query(
    `insert into deleted_segment (camera_id, start_at, sha256, duration_ms, bytes, epoch, variant, cause, deleted_at)
     select id, '2026-08-01', '\\x00', 1, 1, 1, 0, 'retention', $2 from camera where public_id = $1`,
    [camera.id, deletedAt],
  );
  const issuableMs = Date.UTC(2026, 9, 1, 1);
  nowMs = issuableMs - 1;
  expect(await metric('certificates_overdue')).toEqual(['framekeep_certificates_overdue_seconds 0']);
  nowMs = issuableMs + 24 * hourMs;
  expect(await problems()).toEqual([]);
  nowMs += 1;
  expect(await problems()).toEqual([
    ['certificate-overdue', 'Certificates', 'rolling deletions of 2026-09 are in no certificate', iso(issuableMs)],
  ]);
  expect(await metric('certificates_overdue')).toEqual(['framekeep_certificates_overdue_seconds 86400.001']);
  await api.deps.pool.query(`delete from deleted_segment`);
});

test('purges that wait: for a hold, a workflow, a spool, a lock, or fail', async () => {
  nowMs = t0;
  await noteSweep(api.deps.pool, { ...sweep, refused: 0 });
  const names = ['held', 'workflow', 'spool', 'store', 'error'] as const;
  for (const name of names) {
    const { id } = await api.addCamera({ name });
    await api.deps.pool.query(
      `update camera set intent = 'retired', status = 'grace', retired_at = $2, grace_ends_at = $2 where public_id = $1`,
      [id, iso(t0 - 3 * hourMs)],
    );
    if (name === 'workflow') continue;
    if (name === 'held') {
      await api.deps.pool.query(
        `insert into hold (public_id, camera_id, start_at, end_at, reason, placed_by, placed_at, until_at)
         select gen_random_uuid(), id, $2, $3, 'case 7', 'account:admin', $2, $3 from camera where public_id = $1`,
        [id, iso(t0 - 9 * hourMs), iso(t0 + hourMs)],
      );
      continue;
    }
    await api.deps.pool.query(`update camera set status = 'purging' where public_id = $1`, [id]);
    await api.deps.pool.query(
      `insert into camera_purge (camera_id, cause, begun_at, epoch)
       select id, 'grace-ended', $2, 1 from camera where public_id = $1`,
      [id, iso(t0 - 2 * hourMs)],
    );
    await notePurgeWait(api.deps.pool, id, { for: name, reason: `Because of ${name}.`, nowMs: t0 - hourMs });
    await notePurgeWait(api.deps.pool, id, { for: name, reason: `Because of ${name}.`, nowMs: t0 - 1 });
  }
  expect((await problems()).map(([code, name, what]) => [code, name, what])).toEqual([
    ['purge-held', 'held', 'purge waits: for its hold'],
    ['purge-waiting', 'workflow', 'purge waits: for its workflow'],
    ['purge-waiting', 'spool', 'purge waits: Because of spool.'],
    ['purge-locked', 'store', 'purge waits: Because of store.'],
    ['purge-failing', 'error', 'purge fails: Because of error.'],
  ]);
  nowMs = t0 - 55 * 60_000; // five minutes after each began to wait
  expect((await problems()).map(([code]) => code)).toEqual(['purge-held', 'purge-waiting', 'purge-locked']);
  expect(await metric('purges_unfinished')).toEqual([
    'framekeep_purges_unfinished{for="hold"} 1',
    'framekeep_purges_unfinished{for="workflow"} 1',
    'framekeep_purges_unfinished{for="work"} 0',
    'framekeep_purges_unfinished{for="spool"} 1',
    'framekeep_purges_unfinished{for="finish-job"} 0',
    'framekeep_purges_unfinished{for="store"} 1',
    'framekeep_purges_unfinished{for="error"} 1',
  ]);
});

test('what is named _total is a counter, and no counter is named otherwise', async () => {
  const { body } = await api.call('GET', '/metrics');
  const types = [...body.matchAll(/^# TYPE (framekeep_\S+) (\S+)$/gm)].map(([, name = '', type = '']) => ({
    name,
    type,
  }));
  expect(types.length).toBeGreaterThan(20);
  for (const { name, type } of types) expect([name, type === 'counter']).toEqual([name, name.endsWith('_total')]);
});

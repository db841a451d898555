import { afterAll, beforeAll, expect, test } from 'vitest';
import { collectBatch } from '../../activities/collect-objects.ts';
import { dayMs } from '../../domain/retention.ts';
import { runProcess, untilDisconnected } from '../support/killed-process.ts';
import type { FootageOwner } from '../support/stored-footage.ts';
import { killPlaces } from './kill-places.ts';
import type { ReconcileWork } from './reconcile-process.ts';
import { createReconcileSite, nowMs, t0, type ReconcileSite } from './reconcile-site.ts';

const hourMs = 3_600_000;
/** When what was not wanted has been in quarantine for long enough. */
const later = nowMs + 8 * dayMs;

/** A bucket and a catalogue that do not fit each other, and the place at which their pass is killed. */
interface Case {
  site: ReconcileSite;
  camera: FootageOwner;
  work: ReconcileWork;
  /** Keys of what must be there in the end, and of what must not. */
  kept: string[];
  gone: string[];
}

const cases: Case[] = [];

async function prepare(killAt: string): Promise<void> {
  const site = await createReconcileSite(cases[0]?.site.files);
  const camera = await site.addCamera();
  const isLate = killAt === 'enqueued';
  const at = isLate ? later : nowMs;
  const work = { databaseUrl: site.database.url, s3: site.s3, workDir: site.dir, nowMs: at, killAt };
  const one: Case = { site, camera, work, kept: [], gone: [] };
  cases.push(one);
  const kept = await site.record(camera, t0);
  const lost = await site.record(camera, t0 + 2 * hourMs);
  await site.objects.remove([lost.key]);
  const wanted = await site.store(camera, t0 + 4 * hourMs);
  await site.record(camera, t0 + 6 * hourMs);
  const overlapping = await site.store(camera, t0 + 6 * hourMs + 2000, 1);
  const expired = await site.store(camera, t0 - 40 * dayMs);
  one.kept.push(kept.key, wanted.key);
  one.gone.push(lost.key, overlapping.key, expired.key);
  if (isLate) await passTwice(one);
}

async function passTwice({ site }: Case): Promise<void> {
  for (let i = 0; i < 2; i += 1) expect(await site.pass()).toBe(true);
}

beforeAll(async () => {
  for (const place of killPlaces.reconcile) await prepare(place);
  // Within a transaction, which is ended when it waits for a minute: come to last.
  const isWithin = ({ work }: Case): number => Number(work.killAt === 'cataloguing');
  const work = cases.toSorted((a, b) => isWithin(a) - isWithin(b)).map((one) => one.work);
  expect(await runProcess('activities/reconcile-process.ts', { work })).toEqual({ code: null, signal: 'SIGKILL' });
}, 300_000);
afterAll(() => Promise.all(cases.map(({ site }) => site.close())));

test.each(killPlaces.reconcile)(
  'killed (SIGKILL) at %s, the next passes end with the one right result',
  { timeout: 60_000 },
  async (killAt) => {
    const one = cases.find(({ work }) => work.killAt === killAt);
    if (one === undefined) throw new Error('not prepared');
    const { site, camera } = one;
    await untilDisconnected(site.database.pool, 'reconcile-process');
    await site.database.pool.query(`update reconcile_pass set state = 'abandoned' where state = 'running'`);
    if (killAt !== 'enqueued') await passTwice(one);
    expect(await site.pass({ now: () => later, databaseNow: async () => later })).toBe(true);
    const { db, objects, log } = site.deps;
    while ((await collectBatch({ db, objects, log, now: () => later + dayMs })).taken > 0);

    const rows = await site.rows(camera);
    expect(rows).toHaveLength(4);
    expect(rows).toEqual(expect.arrayContaining(one.kept));
    expect(rows.at(-1)).toContain(`/${t0 + 6 * hourMs + 4000}-2000-1-0-`);
    expect(await site.keys(camera)).toEqual(rows);
    for (const key of one.gone) expect(rows).not.toContain(key);
    expect(await site.missing(camera)).toEqual([[t0 + 2 * hourMs, t0 + 2 * hourMs + 4000]]);
  },
);

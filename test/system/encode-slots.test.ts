import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { collectBatch } from '../../activities/collect-objects.ts';
import { createLogger } from '../../log.ts';
import { createObjects } from '../../storage/objects.ts';
import { createFinishSite, t0, type FinishSite, type SiteCamera } from '../activities/finish-site.ts';
import { recordMade } from '../media/footage.ts';
import { encodesOf } from '../support/encodes.ts';
import { createTestSystem, waitFor, type SystemProcess, type TestSystem } from '../support/system.ts';

const windowMs = 8000;
let system: TestSystem;
let site: FinishSite;
let footage: string[];

beforeAll(async () => {
  system = await createTestSystem();
  const objects = createObjects(system.s3);
  await objects.ensureBucket();
  site = await createFinishSite({ database: system.database, objects });
  // Small, for what is at work when is the same at any size.
  footage = await recordMade(site.dir, 'main', { seconds: 8, fps: 10, gop: 20, size: '320x180' });
  await site.profile('small', { mode: 'encode', height: 90, fps: 5, bitrateKbps: 100 });
});
afterAll(async () => {
  await site?.close();
  await system?.stop();
});

async function addFootage(count: number, changes: Parameters<FinishSite['addCamera']>[1]): Promise<SiteCamera[]> {
  const cameras: SiteCamera[] = [];
  for (let i = 0; i < count; i += 1) {
    const camera = await site.addCamera('small', changes);
    await site.commit(camera, footage, { startMs: t0, windowMs });
    cameras.push(camera);
  }
  return cameras;
}

/** Cameras in the order their windows were finished. */
async function finishedOrder(): Promise<string[]> {
  const { rows } = await system.database.pool.query<{ public_id: string }>(
    `select c.public_id from finish_window w join camera c on c.id = w.camera_id
     where w.state = 'done' order by w.finished_at`,
  );
  return rows.map((row) => row.public_id);
}

function startEncoder(name: string, slots: number): SystemProcess {
  return system.start(name, 'encoder', { FRAMEKEEP_ENCODER: 'x264', FRAMEKEEP_ENCODER_SLOTS: String(slots) });
}

test('two workers with 2 and 1 slots: never more than 3 encodes, critical first, the small tenant fair, a kill harmless', async () => {
  const large = await addFootage(50, { tenant: 'large' });
  const small = await addFootage(5, { tenant: 'small' });
  system.start('control', 'control');
  const first = startEncoder('encoder-a', 2);
  let second = startEncoder('encoder-b', 1);
  const parents = new Set([first.child.pid ?? 0, second.child.pid ?? 0]);

  let most = 0;
  const stopped = new AbortController();
  const counting = (async () => {
    while (!stopped.signal.aborted) {
      most = Math.max(most, encodesOf(parents).length);
      await sleep(50); // an encode takes 100 ms and more
    }
  })();

  await waitFor('the first are finished', async () => (await finishedOrder()).length >= 3, 60_000);
  const [critical] = await addFootage(1, { tenant: 'large', tier: 'critical' });
  const doneBefore = (await finishedOrder()).length;

  const early = [critical, ...small].map((camera) => camera?.id ?? '');
  await waitFor(
    'critical and small are finished',
    async () => {
      const order = await finishedOrder();
      return early.every((id) => order.includes(id));
    },
    200_000,
  );
  const order = await finishedOrder();
  // Three were at work and as many may have been handed out; Temporal's order is not strict.
  expect(order.indexOf(critical?.id ?? '') - doneBefore).toBeLessThan(12);
  // Fair: one of each in turn, after what was handed out before its turn came.
  expect(Math.max(...small.map(({ id }) => order.indexOf(id)))).toBeLessThan(26);

  // In the midst of a job: what it was at, and the next one it held, are done by others once Temporal misses its heartbeats.
  await waitFor(
    'the second worker encodes',
    async () => encodesOf(new Set([second.child.pid ?? 0])).length === 1,
    45_000,
    50,
  );
  await second.end('SIGKILL');
  parents.delete(second.child.pid ?? 0);
  second = startEncoder('encoder-b2', 1);
  parents.add(second.child.pid ?? 0);

  await waitFor('all are finished', async () => (await finishedOrder()).length === 56, 300_000);
  stopped.abort();
  await counting;
  expect(most).toBeGreaterThanOrEqual(2);
  expect(most).toBeLessThanOrEqual(3);

  for (const camera of [...large, ...small]) {
    const rows = await site.rows(camera);
    expect(rows.map(({ variant, durationMs }) => [variant > 0, durationMs])).toEqual([[true, 8000]]);
  }
  const log = createLogger({ level: 'silent', name: 'test' });
  const later = { db: system.database.pool, objects: site.objects, log, now: () => Date.now() + 7 * 3_600_000 };
  while ((await collectBatch(later)).taken > 0);
  const keys: string[] = [];
  for await (const { key } of site.objects.list('')) keys.push(key);
  expect(keys.length).toBe(56);
}, 450_000);

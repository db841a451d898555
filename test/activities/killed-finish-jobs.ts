import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { z } from 'zod';
import { finishWindow } from '../../activities/finish-window.ts';
import { takeReady } from '../../db/finish-feed.ts';
import { many } from '../../db/sql.ts';
import type { ObjectsOptions } from '../../storage/objects.ts';
import type { FinishJob } from '../../workflows/messages.ts';
import { runProcess, untilDisconnected } from '../support/killed-process.ts';
import { keysOf } from '../support/stored-footage.ts';
import type { FinishProcess } from './finish-process.ts';
import { t0, type FinishSite, type SiteCamera } from './finish-site.ts';
import { holdFootage } from './held-footage.ts';
import { killPlaces } from './kill-places.ts';

/** Joined; encoded; joined from the spool that alone holds it. */
export const killedProfiles = ['original', 'small', 'kept'] as const;

/** A finish job that was killed at a place, and done again twice. */
export interface KilledJob {
  profile: (typeof killedProfiles)[number];
  place: string;
  camera: SiteCamera;
  /** Objects of its sources; none where only a spool holds them. */
  sourceKeys: string[];
  /** Between the kill and the first time that it was done again. */
  rowsAfterKill: number;
  /** Of both times. */
  outcomes: string[];
  /** What `object_gc` says of its camera, and what the bucket has, before the collector comes. */
  orders: { key: string; reason: string }[];
  keys: string[];
}

/** Kills one process while a job of each profile stands at each failpoint, and does all of them again, twice. */
export async function killFinishJobs(
  site: FinishSite,
  s3: ObjectsOptions,
  { files, windowMs }: { files: readonly string[]; windowMs: number },
): Promise<KilledJob[]> {
  const { db } = site.deps;
  const held = { db, spoolDir: join(site.dir, 'spool'), hostId: randomUUID(), files, windowMs };
  const killed: KilledJob[] = [];
  for (const profile of killedProfiles) {
    for (const place of killPlaces.finish) {
      const camera = await site.addCamera(profile);
      const sources = profile === 'kept' ? [] : await site.commit(camera, files, { startMs: t0, windowMs });
      if (profile === 'kept') await holdFootage(held, camera);
      const sourceKeys = sources.map((source) => site.keyOf(camera, source));
      killed.push({ profile, place, camera, sourceKeys, rowsAfterKill: 0, outcomes: [], orders: [], keys: [] });
    }
  }
  const jobs = await feedAll(site, held.hostId);
  const jobOf = ({ camera }: KilledJob): FinishJob => {
    const job = jobs.get(camera.id);
    if (job === undefined) throw new Error('it was not fed');
    return job;
  };
  // A worker has a folder of its own, which the others remove when it is seen no more.
  const workDir = join(site.dir, 'killed');
  await mkdir(workDir);
  const given: FinishProcess = {
    databaseUrl: site.database.url,
    s3,
    hostFolder: join(site.dir, 'host'),
    workDir,
    spoolDir: held.spoolDir,
    work: killed.map((one) => ({ ...jobOf(one), killAt: one.place })),
  };
  expect(await runProcess('activities/finish-process.ts', given)).toEqual({ code: null, signal: 'SIGKILL' });
  await untilDisconnected(db, 'finish-process');
  for (const one of killed) {
    one.rowsAfterKill = (await site.rows(one.camera)).length;
    for (let i = 0; i < 2; i += 1) {
      const { outcome } = await finishWindow({ ...site.deps, spoolDir: held.spoolDir }, jobOf(one));
      one.outcomes.push(outcome);
    }
    one.orders = await ordersOf(site, one.camera);
    one.keys = await keysOf(site.objects, one.camera);
  }
  return killed;
}

async function feedAll({ deps }: FinishSite, hostId: string): Promise<Map<string, FinishJob>> {
  const jobs = new Map<string, FinishJob>();
  for (const queue of ['join', 'encode', 'spool'] as const) {
    const spoolHostId = queue === 'spool' ? hostId : null;
    const request = { queue, spoolHostId, nowMs: t0 + 3_600_000, cheap: true, limit: 100 };
    for (const window of await takeReady(deps.db, request)) jobs.set(window.cameraId, { ...window, queue });
  }
  return jobs;
}

function ordersOf({ deps }: FinishSite, camera: SiteCamera): Promise<{ key: string; reason: string }[]> {
  return many(
    deps.db,
    z.object({ key: z.string(), reason: z.string() }),
    `select key, reason from object_gc where key like $1 order by key`,
    [`${camera.tenantId}/${camera.id}/%`],
  );
}

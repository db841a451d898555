import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { finishWindow } from '../../activities/finish-window.ts';
import { upsertEncoder } from '../../db/encoders.ts';
import { takeReady } from '../../db/finish-feed.ts';
import type { Db } from '../../db/sql.ts';
import { createLogger } from '../../log.ts';
import { createCameraIds } from '../../recorder/camera-ids.ts';
import { commitFile, type CommitOutcome } from '../../recorder/commit.ts';
import { noFailpoint } from '../../recorder/failpoint.ts';
import { createFinalOnly, type FinalOnly } from '../../recorder/final-only.ts';
import { createQuarantine } from '../../recorder/quarantine.ts';
import type { ClosedFile } from '../../recorder/run-files.ts';
import { segmentFileName } from '../../recorder/segment-name.ts';
import { openSpool, type Spool } from '../../storage/spool.ts';
import { t0, type FinishSite, type SiteCamera } from '../activities/finish-site.ts';
import { waitFor } from '../support/wait-for.ts';

export const windowMs = 12_000;
const segmentMs = 4000;
const log = createLogger({ level: 'silent', name: 'test' });

export interface Host {
  site: FinishSite;
  spool: Spool;
  camera: SiteCamera;
  clock: { nowMs: number };
  /** What was given to the committer. */
  committed: ClosedFile[];
  /** A recorder's part on this spool. */
  open(): FinalOnly;
  /** The files that a salvage finds in the spool. */
  files(): Promise<ClosedFile[]>;
  /** As the committer does. */
  commit(file: ClosedFile): Promise<CommitOutcome>;
  /** Feeds and finishes what this host holds. @returns how many finals were made */
  finish(): Promise<number>;
}

/** An encoder that reads this host's spool. */
export async function addSpoolEncoder(db: Db, hostId: string, seenMs: number): Promise<void> {
  await upsertEncoder(db, {
    workerId: randomUUID(),
    host: hostId,
    kind: 'x264',
    slots: 1,
    used: 0,
    joinSlots: 4,
    joinUsed: 0,
    ceiling: null,
    ceilingReason: null,
    reason: '',
    spoolHostId: hostId,
    seenMs,
  });
}

/**
 * A host with a camera of its own that stores the final only, its footage in `closed/`, and an encoder that lives.
 * @param footage files of 4 s each
 */
export async function createHost(site: FinishSite, footage: readonly string[]): Promise<Host> {
  const { db, objects } = site.deps;
  const dir = await mkdtemp(join(site.dir, 'spool-'));
  const spool = await openSpool({ dir, maxBytes: 1e9 });
  const { hostId } = spool;
  const camera = await site.addCamera('small');
  await db.query(`update camera_lease set host_id = $2 where camera_id = $1`, [camera.internalId, hostId]);
  // Half a minute after the footage: the first window is complete, and nothing is too late.
  const clock = { nowMs: t0 + 30_000 };
  await addSpoolEncoder(db, hostId, clock.nowMs + 3_600_000);
  const folder = join(dir, 'closed', camera.id);
  await mkdir(folder, { recursive: true });
  for (const [i, path] of footage.entries()) {
    const name = { startMs: t0 + i * segmentMs, durationMs: segmentMs, epoch: 1, anchor: i === 0 };
    await copyFile(path, join(folder, segmentFileName(name)));
  }
  const committed: ClosedFile[] = [];
  return {
    site,
    spool,
    camera,
    clock,
    committed,
    open: () =>
      createFinalOnly({
        db,
        spool,
        objects,
        cameraIds: createCameraIds(db),
        commit: (file) => committed.push(file),
        isTakeover: () => false,
        windowMs,
        waitMs: 3_600_000,
        lingerMs: 60_000,
        log,
        now: () => clock.nowMs,
        failpoint: noFailpoint,
      }),
    async files() {
      const names = (await readdir(folder)).toSorted();
      return names.map((name) => {
        const startMs = Number(name.split('-')[0]);
        const isFirst = startMs === t0;
        return {
          cameraId: camera.id,
          path: join(folder, name),
          name: { startMs, durationMs: segmentMs, epoch: 1, anchor: isFirst },
        };
      });
    },
    commit: (file) =>
      commitFile(
        {
          db,
          objects,
          spool,
          cameraIds: createCameraIds(db),
          quarantine: createQuarantine({ spoolDir: dir, now: Date.now }),
          limits: { maxDurationMs: 600_000 },
          handoverHoldMs: 0,
          windowMs,
          log,
          now: Date.now,
          failpoint: noFailpoint,
        },
        file,
      ),
    async finish() {
      const queue = { queue: 'spool', spoolHostId: hostId } as const;
      let finals = 0;
      const deps = { ...site.deps, spoolDir: spool.dir };
      for (const window of await takeReady(db, { ...queue, nowMs: clock.nowMs, cheap: true, limit: 10 })) {
        finals += (await finishWindow(deps, { ...window, queue: 'spool' })).finals;
      }
      return finals;
    },
  };
}

/** Gives all files of the spool to it, as a salvage does. */
export async function takeUp(host: Host): Promise<FinalOnly> {
  const held = host.open();
  const files = await host.files();
  for (const file of files) held.add(file);
  await waitFor('it holds them', async () => held.held().files === files.length);
  held.start();
  return held;
}

/** As `takeUp`, of a host that nothing was finished of; waits until its first window may be. */
export async function takeUpClosed(host: Host): Promise<FinalOnly> {
  const held = await takeUp(host);
  await waitFor('both windows are noted, the first is closed', async () => {
    const { rows } = await host.site.deps.db.query<{ spool_closed: boolean }>(
      `select spool_closed from finish_window where camera_id = $1 and spool_host_id is not null order by window_start_at`,
      [host.camera.internalId],
    );
    return rows.map((row) => row.spool_closed).join() === 'true,false';
  });
  return held;
}

import { rm } from 'node:fs/promises';
import path from 'node:path';
import { notePurgeWait } from '../db/deletion-health.ts';
import { confirmSpoolEmpty, spoolsToEmpty } from '../db/purge-spools.ts';
import type { Db } from '../db/sql.ts';
import { errorText } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Spool } from '../storage/spool.ts';
import type { Linger } from './linger.ts';
import { createRounds } from './rounds.ts';

/** Empties this host's spool of cameras that are purged, and says so: no purge ends before. */
export interface PurgeOrders {
  /** Carries out what is asked of this host just now. @returns the cameras nothing is left of */
  carryOut(): Promise<string[]>;
  start(): void;
  stop(): Promise<void>;
}

const everyMs = 5_000;
/** An open file that nobody has written to for so long belongs to a run whose salvage failed. */
const abandonedMs = 600_000;

export function createPurgeOrders(deps: {
  db: Db;
  spool: Spool;
  linger: Pick<Linger, 'discard'>;
  isRecording: (cameraId: string) => boolean;
  log: Logger;
  now: () => number;
}): PurgeOrders {
  const { db, spool, log } = deps;
  /** By camera, why it could not be emptied when that was tried last. */
  const failing = new Map<string, string>();

  /**
   * The recording ends by the lease, and the committer clears `closed/`, since nothing of the camera is committed any
   * more: a file that is being stored just now is in `closed/` until that is over. The rest goes here.
   */
  async function empty(cameraId: string): Promise<boolean> {
    if (deps.isRecording(cameraId)) return false;
    const open = (await spool.openFiles()).filter((file) => file.cameraId === cameraId);
    for (const file of open) if (deps.now() - file.modifiedMs > abandonedMs) await spool.remove(file.path);
    // What the disk does not give back is not being stored either: its removal says what is wrong with it.
    const closed = (await spool.closedFiles(cameraId)).filter((file) => file.isUnreadable !== true);
    if (open.length > 0 || closed.length > 0) return false;
    await deps.linger.discard(cameraId);
    for (const level of ['quarantine', 'unreadable', 'open', 'closed', 'linger', 'met']) {
      await rm(path.join(spool.dir, level, cameraId), { recursive: true, force: true });
    }
    await rm(path.join(spool.dir, 'claims', `${cameraId}.json`), { force: true });
    return true;
  }

  /** A damaged file keeps no other camera's footage: the purge of its own camera waits, and says for what. */
  async function tryToEmpty(cameraId: string): Promise<boolean> {
    try {
      const isEmpty = await empty(cameraId);
      failing.delete(cameraId);
      return isEmpty;
    } catch (error) {
      const cause = errorText(error);
      if (failing.get(cameraId) !== cause)
        log.error({ cameraId, cause }, 'the spool of a purged camera is not emptied');
      failing.set(cameraId, cause);
      // Each time: the purge itself notes now and then that it waits for this host, and knows no more than that.
      const reason = `The spool of ${spool.hostId} cannot be emptied: ${cause}`;
      await notePurgeWait(db, cameraId, { for: 'spool', reason, nowMs: deps.now() });
      return false;
    }
  }

  async function carryOut(): Promise<string[]> {
    const emptied: string[] = [];
    for (const cameraId of await spoolsToEmpty(db, spool.hostId)) {
      // Without its disk the host cannot know what is on it.
      await spool.checkPresent();
      if (!(await tryToEmpty(cameraId))) continue;
      await confirmSpoolEmpty(db, { cameraId, hostId: spool.hostId }, deps.now());
      log.info({ cameraId }, 'spool emptied of a purged camera');
      emptied.push(cameraId);
    }
    return emptied;
  }

  const { start, stop } = createRounds(
    everyMs,
    async () => {
      await carryOut();
    },
    (error) => log.warn({ cause: errorText(error) }, 'purge orders wait for catalogue and spool'),
  );
  return { carryOut, start, stop };
}

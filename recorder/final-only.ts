import { stat } from 'node:fs/promises';
import { camerasToHold, giveBack, hasSpoolEncoder, heldBy, noteHeld } from '../db/held-windows.ts';
import type { Db } from '../db/sql.ts';
import { groupHeld, isDue, type HeldGroup } from '../domain/held-footage.ts';
import { errorText } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Objects } from '../storage/objects.ts';
import type { Spool } from '../storage/spool.ts';
import { createAskedFiles, type AskedFiles } from './asked-files.ts';
import type { CameraIds } from './camera-ids.ts';
import { isMissingFile, isUnreadable } from './error-code.ts';
import type { Failpoint } from './failpoint.ts';
import { finalsOf, isIn, lookAtFinals, type HeldFile } from './held-finals.ts';
import { createRounds } from './rounds.ts';
import type { ClosedFile } from './run-files.ts';

/**
 * Keeps closed files of cameras whose profile stores the final only, until this host's encoder has made it of them. What
 * cannot wait is committed as it was recorded: the spool fills, no encoder comes, the camera goes elsewhere.
 */
export interface FinalOnly {
  /** A file that was closed or salvaged: held back, or committed at once. */
  add: (file: ClosedFile) => void;
  /** What waits to be told whether it is held. */
  asking: Pick<AskedFiles, 'waiting' | 'idle'>;
  /** What waits for its final; without what has it and is only kept until a second look. */
  held(): { files: number; bytes: number; oldestStartMs: number | null };
  /** Room is needed: what has its final goes, and half of the rest is committed. */
  makeRoom(): Promise<void>;
  /** This host goes away: all is committed, now and from now on. */
  release(): Promise<void>;
  start(): void;
  stop(): Promise<void>;
}

export interface FinalOnlyDeps {
  db: Db;
  spool: Spool;
  objects: Objects;
  cameraIds: CameraIds;
  commit: (file: ClosedFile) => void;
  /** Where it takes over from another recording a file is committed at once: the seam is the committer's. */
  isTakeover: (file: ClosedFile) => boolean;
  windowMs: number;
  /** So long after its window's end footage waits for its final. */
  waitMs: number;
  /** Files of a final that is stored stay so long, until a second look has found it. */
  lingerMs: number;
  log: Logger;
  now: () => number;
  failpoint: Failpoint;
}

const lookEveryMs = 2_000;
/** An encoder that restarts is back within a minute. */
const encoderWaitMs = 60_000;
/** A recorder closes its last file within seconds of a pause. */
const afterStopMs = 20_000;

export function createFinalOnly(deps: FinalOnlyDeps): FinalOnly {
  const { db, spool, log, failpoint, windowMs } = deps;
  const { hostId } = spool;
  const files = new Map<string, HeldFile>();
  const undone = (): HeldFile[] => [...files.values()].filter(({ doneMs }) => doneMs === null);
  let isLeaving = false;
  let last: Promise<unknown> = Promise.resolve();

  function exclusively(work: () => Promise<void>): Promise<void> {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  }

  function commit(group: readonly HeldFile[]): void {
    for (const { bytes: _bytes, startMs: _start, endMs: _end, doneMs: _done, ...file } of group) {
      files.delete(file.path);
      deps.commit(file);
    }
  }

  /** First the catalogue, so that no encoder begins with what is about to be stored as it is. */
  async function giveUp(group: HeldGroup<HeldFile>, why: string): Promise<void> {
    await giveBack(db, group, hostId);
    await failpoint('held-given-back');
    const { cameraId, windowStartMs } = group;
    log.info({ cameraId, windowStartMs, why }, 'held footage is stored as recorded');
    await settle(group);
  }

  /**
   * What is not the host's any more: it has its final, or it is to be committed. A parked window is given back before:
   * nobody reads the spool for it any more, and what is committed is neither held nor on its way.
   */
  async function settle(group: HeldGroup<HeldFile>): Promise<void> {
    const finals = await finalsOf(db, group);
    const rest: HeldFile[] = [];
    for (const file of group.files) {
      if (finals.some((final) => isIn(final, file))) file.doneMs ??= deps.now();
      else rest.push(file);
    }
    if (rest.length > 0) await giveBack(db, group, hostId);
    commit(rest);
  }

  /** The second look at finals that are stored since so long. */
  async function lookAgain(lingerMs: number): Promise<void> {
    const due = [...files.values()].filter(({ doneMs }) => doneMs !== null && doneMs + lingerMs <= deps.now());
    for (const group of groupHeld(due, deps.windowMs)) {
      await letGo(group).catch((error: unknown) => {
        log.warn({ cameraId: group.cameraId, cause: errorText(error) }, 'held files stay until their final is seen');
      });
    }
  }

  async function letGo(group: HeldGroup<HeldFile>): Promise<void> {
    const { done, uncovered, staying } = await lookAtFinals(deps, group);
    await failpoint('held-seen');
    commit(uncovered);
    for (const file of staying) file.doneMs = deps.now();
    for (const file of done) {
      files.delete(file.path);
      await spool.remove(file.path);
      await failpoint('held-removed');
    }
  }

  async function look(): Promise<void> {
    for (const file of undone().filter(({ bytes }) => bytes === 0)) {
      await measure(file).catch((error: unknown) => {
        log.warn({ cameraId: file.cameraId, cause: errorText(error) }, 'a held file cannot be seen; it stays held');
      });
    }
    const cameraIds = [...new Set(undone().map(({ cameraId }) => cameraId))];
    if (cameraIds.length > 0) await lookAt(cameraIds);
    await lookAgain(deps.lingerMs);
  }

  async function measure(file: HeldFile): Promise<void> {
    try {
      file.bytes = (await stat(file.path)).size;
    } catch (error) {
      if (!isMissingFile(error) && !isUnreadable(error)) throw error;
      await spool.checkPresent(); // with the whole disk gone it may come back
      if (isUnreadable(error)) return commit([file]); // the committer puts it aside
      files.delete(file.path); // gone with its camera, or by somebody's hand
    }
  }

  async function lookAt(cameraIds: string[]): Promise<void> {
    const nowMs = deps.now();
    const [cameras, mine, hasEncoder] = await Promise.all([
      camerasToHold(db, hostId, cameraIds, nowMs - afterStopMs),
      heldBy(db, hostId),
      hasSpoolEncoder(db, hostId, nowMs),
    ]);
    const waitMs = hasEncoder ? deps.waitMs : Math.min(deps.waitMs, encoderWaitMs);
    for (const group of groupHeld(
      undone().filter(({ bytes }) => bytes > 0),
      deps.windowMs,
    )) {
      const camera = cameras.get(group.cameraId);
      const key = `${group.cameraId} ${group.windowStartMs}`;
      if (camera === undefined || isLeaving) await giveUp(group, 'not held here');
      else if (group.windowStartMs + deps.windowMs + waitMs <= nowMs) await giveUp(group, 'too late');
      else if (noted.has(key) && !mine.has(key)) await settle(group);
      else await note(group, camera.isStopped, key);
    }
  }

  /** What was noted last of a window: it is written when it changes. */
  const noted = new Map<string, string>();

  async function note(group: HeldGroup<HeldFile>, isStopped: boolean, key: string): Promise<void> {
    const { cameraId, windowStartMs, fromMs, toMs } = group;
    const isClosed = isDue(group, { isStopped, newestMs: newestOf(cameraId), windowMs, nowMs: deps.now() });
    const window = { cameraId, windowStartMs, windowMs, fromMs, toMs, isClosed };
    const text = JSON.stringify(window);
    if (noted.get(key) === text) return;
    if (!(await noteHeld(db, hostId, window))) return settle(group);
    noted.set(key, text);
    await failpoint('held-noted');
  }

  function newestOf(cameraId: string): number {
    const own = [...files.values()].filter((file) => file.cameraId === cameraId);
    return own.reduce((most, { startMs }) => Math.max(most, startMs), 0);
  }

  function forget(): void {
    const kept = new Set(groupHeld([...files.values()], deps.windowMs).map((g) => `${g.cameraId} ${g.windowStartMs}`));
    for (const key of noted.keys()) if (!kept.has(key)) noted.delete(key);
  }

  const { start, stop } = createRounds(
    lookEveryMs,
    () => exclusively(look).then(forget),
    (error) => log.warn({ cause: errorText(error) }, 'held footage waits for the catalogue'),
  );

  /** Where the catalogue is away the committer waits for it, and this footage is stored as it was recorded. */
  async function mayHold(cameraId: string): Promise<boolean> {
    return (await camerasToHold(db, hostId, [cameraId], 0).catch(() => null))?.has(cameraId) ?? false;
  }

  const asked = createAskedFiles(mayHold, (file, isHeld) => {
    if (!isHeld || isLeaving || deps.isTakeover(file)) return deps.commit(file);
    const { startMs, durationMs } = file.name;
    files.set(file.path, { ...file, bytes: 0, startMs, endMs: startMs + durationMs, doneMs: null });
  });

  return {
    add(file) {
      if ((isLeaving || deps.isTakeover(file)) && !asked.isAsking(file.cameraId)) deps.commit(file);
      else asked.add(file);
    },
    asking: asked,
    held() {
      const waiting = undone();
      return {
        files: waiting.length,
        bytes: waiting.reduce((sum, { bytes }) => sum + bytes, 0),
        oldestStartMs: waiting.reduce<number | null>((least, { startMs }) => Math.min(least ?? startMs, startMs), null),
      };
    },
    makeRoom: () =>
      exclusively(async () => {
        await lookAgain(0);
        const groups = groupHeld(undone(), deps.windowMs);
        for (const group of groups.slice(0, Math.ceil(groups.length / 2))) await giveUp(group, 'the spool fills');
      }),
    async release() {
      isLeaving = true;
      await exclusively(look);
    },
    start,
    stop,
  };
}

import { rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { segmentDurationMs, type SanityLimits } from '../domain/segment.ts';
import { anchorClock, keepPace, placeSegment, runsAway, startPace, type Pace } from '../domain/wall-clock.ts';
import type { Logger } from '../log.ts';
import { Mp4Error } from '../media/mp4-boxes.ts';
import { cutFile } from '../media/mp4-cut.ts';
import { readIndex, type SegmentIndex } from '../media/mp4-index.ts';
import { isUnreadable, nullIfUnreadable } from './error-code.ts';
import type { Failpoint } from './failpoint.ts';
import { nextTfdt } from './next-tfdt.ts';
import { indexesIn, indexOf } from './run-listing.ts';
import { writeRunRecord, type RunRecord } from './run-record.ts';
import { runFileTimeMs } from './run-time.ts';
import { segmentFileName, type SegmentName } from './segment-name.ts';
import { steadyNowMs } from './steady-clock.ts';
import { placeUnread } from './unread-place.ts';

/** An init alone is smaller than this. */
const emptyFileBytes = 8192;

/** A file is kept back at a handover. */
export type Hold =
  /** Until it is clear where the newer recording begins: looked at again at `untilMs`, for the last time at `giveUpMs`. */
  | { for: 'seam'; untilMs: number; giveUpMs: number }
  /** Until the newer recording's footage is committed. */
  | { for: 'footage'; untilMs: number };

/** A file that has its place on the wall clock and lies in `closed/`. */
export interface ClosedFile {
  cameraId: string;
  path: string;
  name: SegmentName;
  held?: Hold;
}

/** Gives the files of one run of ffmpeg their times, in order, and moves them out of `open/`. */
export interface RunFiles {
  /** ffmpeg's process runs. */
  started(pid: number | null): void;
  /** The first packet came at this moment, by the host's clock and by one that is never set: the clock starts. */
  start(first: { arrivalMs: number; steadyMs: number }): void;
  /** ffmpeg listed a finished file. */
  listed(file: string, arrivalMs: number): void;
  /**
   * ffmpeg is gone: closes what is left, an unfinished file at its last whole fragment, and removes the folder.
   * @returns false where a file could not be closed: it and those after it are still there
   */
  finish(): Promise<boolean>;
  /** Wall end of the newest closed file. */
  lastEndMs(): number | null;
  /** Media closed so far. */
  footageMs(): number;
}

/** Puts aside what is no footage we can read; where its time is known, that is claimed. */
export type PutAside = (file: Omit<ClosedFile, 'name'> & { name: SegmentName | null }, why: string) => Promise<void>;

export interface RunFilesOptions {
  cameraId: string;
  /** The run's folder in `open/`. */
  dir: string;
  record: RunRecord;
  /** Of the recording just now, which may be raised while it runs; without it that of the record holds. */
  epoch?: () => number;
  /** End of what this recorder has placed before this run. */
  notBeforeMs: () => number | null;
  limits: SanityLimits;
  /** Moves a file of the run's folder into `closed/`, durably. @returns its new path */
  close: (file: string, closedName: string) => Promise<string>;
  quarantine: PutAside;
  /** Puts a file aside that cannot be read for good, at the place that it would have; false: it is tried again. */
  isAside?: (file: ClosedFile, error: unknown) => Promise<boolean>;
  /** @param seenMs when its end was seen, by a clock that is never set; null = nobody saw it */
  onClosed: (file: ClosedFile, index: SegmentIndex, seenMs: number | null) => void;
  /** The picture times of a file run away from the clock; a new run is needed. */
  onRunaway?: () => void;
  /** A file could not be closed; it stays where it is until it is salvaged. */
  onError: (error: unknown) => void;
  now: () => number;
  log: Logger;
  failpoint: Failpoint;
}

/** When a file's end was seen: by the host's clock, and by one that is never set. */
interface Seen {
  atMs: number;
  steadyMs: number;
}

export function createRunFiles(options: RunFilesOptions): RunFiles {
  const { cameraId, dir, log } = options;
  let record = options.record;
  let ended = false;
  let failed = false;
  let footageMs = 0;
  /** End of what was put aside last. */
  let asideEndMs: number | null = null;
  let pace: Pace | null = null;
  let tail: Promise<void> = Promise.resolve();

  const pathOf = (index: number): string => path.join(dir, `${index}.mp4`);

  async function save(change: Partial<RunRecord>): Promise<void> {
    record = { ...record, ...change };
    await writeRunRecord(dir, record);
  }

  /** The place of a file: from its first tfdt to that of the next one, since the last sample's length is nominal. */
  async function place(
    index: number,
    contents: SegmentIndex,
    seen: Seen | null,
    writtenMs: number,
  ): Promise<SegmentName> {
    if (record.placed?.index === index) return record.placed.name;
    const endTfdt = await nextTfdt(pathOf(index + 1), () => ended);
    const mediaStartMs = ((contents.fragments[0]?.tfdt ?? 0) * 1000) / contents.timescale;
    const mediaEndMs = mediaStartMs + segmentDurationMs(contents, endTfdt, options.limits);
    // Killed before the first packet's time was noted: the file's last write is the best there is.
    const firstMs = (seen?.atMs ?? writtenMs) - (mediaEndMs - mediaStartMs);
    const clock = record.clock ?? anchorClock(firstMs, mediaStartMs, options.notBeforeMs());
    const kept = seen === null || pace === null ? null : keepPace(pace, { mediaStartMs, mediaEndMs }, seen.steadyMs);
    pace = kept?.pace ?? pace;
    const segment = {
      mediaStartMs,
      mediaEndMs,
      arrivalMs: seen?.atMs ?? null,
      pace: kept?.segment ?? null,
      isAfterLoss: record.placed !== null && record.placed.index + 1 !== index,
    };
    const placed = placeSegment(clock, segment, options.notBeforeMs());
    if (placed.durationMs < mediaEndMs - mediaStartMs && runsAway(segment)) options.onRunaway?.();
    const { startMs, durationMs, anchor } = placed;
    const epoch = options.epoch?.() ?? record.epoch;
    const name = { startMs, durationMs, epoch, anchor };
    await save({ epoch, clock: placed.clock, placed: { index, name } });
    return name;
  }

  /** @param seen null when nobody saw the file's end */
  async function closeFile(index: number, seen: Seen | null): Promise<void> {
    const filePath = pathOf(index);
    let contents: SegmentIndex;
    try {
      contents = await readIndex(filePath);
    } catch (error) {
      if (!(error instanceof Mp4Error)) throw error;
      await putAside(filePath, error.message);
      return;
    }
    if (contents.fragments[0]?.key === false) {
      await putAside(filePath, 'it does not start at a key picture');
      return;
    }
    if (contents.fragments.length === 0) {
      log.info({ cameraId, filePath }, 'open file without a whole fragment');
      await rm(filePath, { force: true });
      return;
    }
    const writtenMs = runFileTimeMs((await stat(filePath)).mtimeMs, dir, options.now);
    if (seen === null) {
      await cutFile(filePath, contents, { from: 0, to: contents.fragments.length }, filePath);
      contents = await readIndex(filePath);
    }
    const name = await place(index, contents, seen, writtenMs);
    await options.failpoint('placed');
    const closedPath = await options.close(`${index}.mp4`, segmentFileName(name));
    await options.failpoint('closed');
    footageMs += name.durationMs;
    options.onClosed({ cameraId, path: closedPath, name }, contents, seen?.steadyMs ?? null);
  }

  async function closeOrPutAside(index: number, seen: Seen | null): Promise<void> {
    try {
      await closeFile(index, seen);
    } catch (error) {
      if (options.isAside === undefined || !isUnreadable(error)) throw error;
      const name = await placeOfUnread(pathOf(index));
      if (!(await options.isAside({ cameraId, path: pathOf(index), name }, error))) throw error;
      asideEndMs = name.startMs + name.durationMs;
    }
  }

  /** ffmpeg leaves an empty file behind when it is killed before the first fragment: nothing is lost with that. */
  async function putAside(filePath: string, why: string): Promise<void> {
    const { size } = await stat(filePath);
    if (size < emptyFileBytes) {
      log.info({ cameraId, filePath, size }, 'open file without footage');
      await rm(filePath, { force: true });
      return;
    }
    log.error({ cameraId, filePath, why }, 'unreadable file put into quarantine');
    const name = await placeOfUnread(filePath);
    await options.quarantine({ cameraId, path: filePath, name }, why);
    asideEndMs = name.startMs + name.durationMs;
  }

  function placeOfUnread(filePath: string): Promise<SegmentName> {
    return placeUnread(filePath, { ...record, asideEndMs }, options.now);
  }

  /** One after the other; after an error the rest waits for the next salvage, since places depend on each other. */
  function enqueue(work: () => Promise<void>): Promise<void> {
    tail = tail.then(async () => {
      if (failed) return;
      try {
        await work();
      } catch (error) {
        failed = true;
        options.onError(error);
      }
    });
    return tail;
  }

  return {
    started(pid) {
      void enqueue(() => save({ pid }));
    },
    start({ arrivalMs, steadyMs }) {
      pace ??= startPace(steadyMs);
      if (record.clock !== null) return;
      void enqueue(() => save({ clock: anchorClock(arrivalMs, 0, options.notBeforeMs()) }));
    },
    listed(file, arrivalMs) {
      const index = indexOf(file);
      if (index === null) return;
      const seen = { atMs: arrivalMs, steadyMs: steadyNowMs() };
      void enqueue(() => closeOrPutAside(index, seen));
    },
    async finish() {
      ended = true;
      await enqueue(async () => {
        for (const index of await indexesIn(dir)) await closeOrPutAside(index, null);
        await options.failpoint('run-closed');
        // What cannot even be moved stays, and its folder with it.
        if ((await indexesIn(dir)).length > 0) return;
        await rm(dir, { recursive: true, force: true }).catch(nullIfUnreadable); // nor is a damaged record removed
      });
      return !failed;
    },
    lastEndMs: () => record.clock?.lastEndMs ?? null,
    footageMs: () => footageMs,
  };
}

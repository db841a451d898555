import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { segmentsBetween } from '../db/footage.ts';
import type { Db } from '../db/sql.ts';
import { windowStartOf } from '../domain/finish-window.ts';
import { pausesIn } from '../domain/pauses.ts';
import { entriesOf, type Segment } from '../domain/segment.ts';
import { Mp4Error } from '../media/mp4-boxes.ts';
import { readIndex, spanMs, streamFormatOf } from '../media/mp4-index.ts';
import { parseSegmentFileName, type SegmentName } from '../recorder/segment-name.ts';
import { isMissingFile } from '../storage/file-error.ts';
import { linkIfThere } from '../storage/link-or-copy.ts';

/** Files of a window that only this host's spool holds, as links in `dir`, with what will be their final's sources. */
export interface HeldSources {
  /** Not of the catalogue: without a hash. */
  segments: Segment[];
  paths: string[];
  /** A file lasts less than its name says, or ends in the midst: nothing may be made of what is left of it. */
  isTorn: boolean;
}

/** Of the last sample the length is nominal, and the recorder places files on the wall clock. */
const nominalMs = 1000;

/**
 * Brings what the spool holds of a window, but what a final covers already: the job may have been killed after it.
 * @param dir for the links: the recorder moves its files at any time
 */
export async function heldSources(
  db: Db,
  spoolDir: string,
  window: { cameraId: string; windowStartMs: number; windowMs: number },
  dir: string,
): Promise<HeldSources> {
  const { cameraId, windowStartMs, windowMs } = window;
  const folder = join(spoolDir, 'closed', cameraId);
  const names = await readdir(folder).catch((error: unknown) => {
    if (isMissingFile(error)) return [];
    throw error;
  });
  const files = names
    .flatMap((file) => {
      const parsed = parseSegmentFileName(file);
      return parsed === null || windowStartOf(parsed.name.startMs, windowMs) !== windowStartMs
        ? []
        : [{ file, name: parsed.name }];
    })
    .toSorted((a, b) => a.name.startMs - b.name.startMs);
  const lastEndMs = files.reduce((end, { name }) => Math.max(end, name.startMs + name.durationMs), windowStartMs);
  const stored = await segmentsBetween(db, cameraId, windowStartMs, lastEndMs + 1, { limit: 10_000 });
  const sources: HeldSources = { segments: [], paths: [], isTorn: false };
  for (const { file, name } of files) {
    if (stored.some((row) => row.startMs <= name.startMs && endOf(row) >= endOf(name))) continue;
    const path = join(dir, `${name.startMs}.mp4`);
    // Given back to the recorder meanwhile, it is stored as it is.
    if (!(await linkIfThere(join(folder, file), path))) continue;
    const segment = await segmentOf(path, name);
    if (segment === null) return { ...sources, isTorn: true };
    sources.segments.push(segment);
    sources.paths.push(path);
  }
  return sources;
}

function endOf({ startMs, durationMs }: { startMs: number; durationMs: number }): number {
  return startMs + durationMs;
}

/**
 * No hash tells of a held file what it was when it was closed, as after a loss of power, so it is measured.
 * @returns null for one that is torn
 */
async function segmentOf(path: string, name: SegmentName): Promise<Segment | null> {
  try {
    const [index, { size }] = await Promise.all([readIndex(path), stat(path)]);
    if (index.damage !== null || index.isCutOff || spanMs(index) < name.durationMs - nominalMs) return null;
    return {
      ...name,
      bytes: size,
      sha256: '',
      variant: 0,
      format: streamFormatOf(index),
      entries: entriesOf(index.fragments, index.timescale, name.durationMs),
      pauses: pausesIn(index, name),
    };
  } catch (error) {
    if (error instanceof Mp4Error) return null;
    throw error;
  }
}

import { pausesIn } from '../domain/pauses.ts';
import { checkSanity, entriesOf, totalTicks, type SanityLimits, type Segment } from '../domain/segment.ts';
import { Mp4Error } from '../media/mp4-boxes.ts';
import { readIndex, streamFormatOf, type SegmentIndex } from '../media/mp4-index.ts';
import { recentMs } from '../recorder/common-key.ts';
import type { ObjectName } from '../storage/keys.ts';

/** A final may span a window of 50 minutes, the longest there is. */
const limits: SanityLimits = { maxDurationMs: 3_600_000 };
/**
 * A segment lasts until the next one's first picture; a camera that sends nothing for 15 s has stalled. Where a camera moved
 * between hosts whose clocks differ, the row at the seam is longer or shorter than its pictures by as much.
 */
const longestOffMs = 15_000 + recentMs;
/** Of nominal sample durations: the next file's first picture comes within a second where nothing was started anew. */
const seamSeconds = 1;

/** What ends where the next object of a camera may go on. */
export interface StoredBefore {
  endMs: number;
  index: SegmentIndex;
}

/** A row rebuilt from its object, and the object's index. */
export interface StoredSegment {
  segment: Segment;
  index: SegmentIndex;
}

/**
 * Rebuilds a catalogue row from an object's name and bytes, as its recorder or finish job made it. Whether a new
 * media timeline starts here (`anchor`) stands in no object: it is told by the one before it, and is true where that
 * is not known, which plays as well.
 * @param file as it was downloaded
 * @returns a sentence where the bytes are not what the name says or are no footage
 */
export async function readStoredSegment(
  name: ObjectName,
  file: { path: string; bytes: number; sha256: string },
  before: StoredBefore | null,
): Promise<StoredSegment | string> {
  if (!file.sha256.startsWith(name.sha256)) return 'its bytes are not those that its name tells';
  let index: SegmentIndex;
  try {
    index = await readIndex(file.path);
  } catch (error) {
    if (error instanceof Mp4Error) return error.message;
    throw error;
  }
  const problems = checkSanity(index, limits).map(({ text }) => text);
  if (index.damage !== null) problems.push(index.damage);
  const mediaMs = (totalTicks(index.fragments) * 1000) / index.timescale;
  if (Math.abs(mediaMs - name.durationMs) > longestOffMs) {
    problems.push(`it holds ${Math.round(mediaMs)} ms, its name says ${name.durationMs} ms`);
  }
  if (problems.length > 0) return problems.join('; ');
  const { startMs, durationMs, epoch, variant } = name;
  const { bytes, sha256 } = file;
  const format = streamFormatOf(index);
  const entries = entriesOf(index.fragments, index.timescale, durationMs);
  const anchor = before === null || !goesOn(before, startMs, index);
  const pauses = pausesIn(index, name);
  return { segment: { startMs, durationMs, bytes, epoch, sha256, variant, anchor, format, entries, pauses }, index };
}

function goesOn(before: StoredBefore, startMs: number, index: SegmentIndex): boolean {
  const last = before.index.fragments.at(-1);
  const first = index.fragments[0];
  if (last === undefined || first === undefined || before.endMs !== startMs) return false;
  if (before.index.initSha256 !== index.initSha256 || before.index.timescale !== index.timescale) return false;
  const seamTicks = first.tfdt - (last.tfdt + last.durationTicks);
  return Math.abs(seamTicks) <= seamSeconds * index.timescale;
}

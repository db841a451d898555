import type { Hole } from '../domain/gaps.ts';
import type { Logger } from '../log.ts';
import { spanMs, type SegmentIndex } from '../media/mp4-index.ts';
import type { Spool } from '../storage/spool.ts';
import { cutToParts } from './closed-cut.ts';
import type { Failpoint } from './failpoint.ts';
import { keepInQuarantine } from './quarantine.ts';
import type { ClosedFile } from './run-files.ts';

/** Whether a file ends in the midst of a fragment, or there is something in it that is none. */
export function isDamaged(index: SegmentIndex): boolean {
  return index.damage !== null || index.isCutOff;
}

/**
 * Makes of a damaged file of `closed/` one that is as long as it is whole, for no more time than that: stored as it is,
 * its row would hide what is missing. The original is kept in quarantine, since pictures may lie behind the damage.
 * @param index has a fragment at least
 * @returns the file in its place, and what it had beyond
 * @throws errors of the file system; it may be repeated
 */
export async function cutToWhole(
  deps: { spool: Spool; log: Logger; now: () => number; failpoint: Failpoint },
  file: ClosedFile,
  index: SegmentIndex,
): Promise<{ parts: ClosedFile[]; lost: Hole & { why: string } }> {
  const { cameraId, name } = file;
  const { startMs } = name;
  const why = index.damage ?? 'it ends in the midst of a fragment';
  const kept = await keepInQuarantine({ spoolDir: deps.spool.dir, now: deps.now }, file, why);
  const durationMs = Math.min(name.durationMs, spanMs(index));
  deps.log.error({ cameraId, name, why, durationMs, kept }, 'a closed file is damaged: stored as far as it is whole');
  const parts = await cutToParts(deps, file, index, [{ from: 0, to: index.fragments.length, startMs, durationMs }]);
  const lost = { startMs: startMs + durationMs, endMs: startMs + name.durationMs, why: `A file of the spool: ${why}` };
  return { parts, lost };
}

import path from 'node:path';
import type { Piece } from '../domain/segment-cut.ts';
import type { Logger } from '../log.ts';
import { cutFile } from '../media/mp4-cut.ts';
import type { SegmentIndex } from '../media/mp4-index.ts';
import { renameDurably } from '../storage/durable-file.ts';
import type { Spool } from '../storage/spool.ts';
import type { Failpoint } from './failpoint.ts';
import type { ClosedFile } from './run-files.ts';
import { recordedMsOf, segmentFileName, type SegmentName } from './segment-name.ts';

/** Replaces a file of `closed/` by parts of it. Repeated after a crash it makes the same parts. */
export async function cutToParts(
  deps: { spool: Spool; log: Logger; failpoint: Failpoint },
  file: ClosedFile,
  index: SegmentIndex,
  parts: readonly Piece[],
): Promise<ClosedFile[]> {
  const { cameraId, name } = file;
  const made: ClosedFile[] = [];
  for (const part of parts) {
    const anchor = part.from === 0 ? name.anchor : true;
    const partName: SegmentName = { ...name, startMs: part.startMs, durationMs: part.durationMs, anchor };
    const target = path.join(path.dirname(file.path), segmentFileName(partName));
    await cutFile(file.path, index, part, target);
    await deps.failpoint('cut');
    made.push({ cameraId, path: target, name: partName });
  }
  deps.log.info({ cameraId, name, parts: made.map((part) => part.name) }, 'a closed file was replaced by parts of it');
  if (made.every((part) => part.path !== file.path)) await deps.spool.remove(file.path);
  return made;
}

/** Gives a file of `closed/` another place; its footage and its turn stay as they are. */
export async function placeAnew(
  { failpoint }: { failpoint: Failpoint },
  file: ClosedFile,
  place: { startMs: number; endMs: number },
): Promise<ClosedFile> {
  const { startMs, endMs } = place;
  const name = { ...file.name, startMs, durationMs: endMs - startMs, recordedMs: recordedMsOf(file.name) };
  const target = path.join(path.dirname(file.path), segmentFileName(name));
  await renameDurably(file.path, target);
  await failpoint('moved');
  return { ...file, path: target, name };
}

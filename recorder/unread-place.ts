import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { WallClock } from '../domain/wall-clock.ts';
import { nullIfUnreadable } from './error-code.ts';
import { runFileTimeMs } from './run-time.ts';
import type { SegmentName } from './segment-name.ts';

/**
 * Where a file of a run lies that cannot be read: from the end of what came before it to its last write, or for the
 * shortest time where the disk does not say when that was; the hole beside it is found when what follows is committed.
 * @param before.asideEndMs end of the unreadable one before it; null = there was none
 * @param now the recorder's time
 * @throws other errors of the file system
 */
export async function placeUnread(
  filePath: string,
  before: { epoch: number; clock: WallClock | null; asideEndMs: number | null },
  now: () => number,
): Promise<SegmentName> {
  const found = await stat(filePath).catch(nullIfUnreadable);
  const { epoch, clock, asideEndMs } = before;
  const lastEndMs = Math.max(asideEndMs ?? 0, clock?.lastEndMs ?? 0);
  const timeOf = (keptMs: number): number => runFileTimeMs(keptMs, path.dirname(filePath), now);
  const bornMs = found === null ? now() : timeOf(found.birthtimeMs);
  const startMs = Math.round(lastEndMs > 0 ? lastEndMs : (clock?.offsetMs ?? bornMs));
  const writtenMs = found === null ? startMs : timeOf(found.mtimeMs);
  return { startMs, durationMs: Math.max(1, writtenMs - startMs), epoch, anchor: true };
}

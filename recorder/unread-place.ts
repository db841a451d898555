import { stat } from 'node:fs/promises';
import type { WallClock } from '../domain/wall-clock.ts';
import { nullIfUnreadable } from './error-code.ts';
import type { SegmentName } from './segment-name.ts';

/**
 * Where a file of a run lies that cannot be read: from the end of what came before it to its last write, or for the
 * shortest time where the disk does not say when that was; the hole beside it is found when what follows is committed.
 * @param before.asideEndMs end of the unreadable one before it; null = there was none
 * @throws other errors of the file system
 */
export async function placeUnread(
  filePath: string,
  before: { epoch: number; clock: WallClock | null; asideEndMs: number | null },
): Promise<SegmentName> {
  const found = await stat(filePath).catch(nullIfUnreadable);
  const { epoch, clock, asideEndMs } = before;
  const lastEndMs = Math.max(asideEndMs ?? 0, clock?.lastEndMs ?? 0);
  const startMs = Math.round(lastEndMs > 0 ? lastEndMs : (clock?.offsetMs ?? found?.birthtimeMs ?? Date.now()));
  return { startMs, durationMs: Math.max(1, Math.round(found?.mtimeMs ?? 0) - startMs), epoch, anchor: true };
}

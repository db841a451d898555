import { windowStartOf } from './finish-window.ts';

interface HeldPiece {
  cameraId: string;
  startMs: number;
  endMs: number;
}

/** What is held of one camera's window. */
export interface HeldGroup<T extends HeldPiece> {
  cameraId: string;
  windowStartMs: number;
  fromMs: number;
  toMs: number;
  files: T[];
}

/** Held files by camera and window, the oldest window and in it the oldest file first: so they are committed. */
export function groupHeld<T extends HeldPiece>(files: readonly T[], windowMs: number): HeldGroup<T>[] {
  const groups = new Map<string, HeldGroup<T>>();
  for (const file of files.toSorted((a, b) => a.startMs - b.startMs)) {
    const windowStartMs = windowStartOf(file.startMs, windowMs);
    const key = `${file.cameraId} ${windowStartMs}`;
    const group = groups.get(key);
    if (group === undefined) {
      const { cameraId, startMs: fromMs, endMs: toMs } = file;
      groups.set(key, { cameraId, windowStartMs, fromMs, toMs, files: [file] });
      continue;
    }
    group.files.push(file);
    group.fromMs = Math.min(group.fromMs, file.startMs);
    group.toMs = Math.max(group.toMs, file.endMs);
  }
  return [...groups.values()].toSorted((a, b) => a.windowStartMs - b.windowStartMs);
}

/** A camera that is away need not keep what it sent before waiting. */
const longGapMs = 120_000;

/** Whether no more of a window is to come: newer footage is there, its camera was stopped, or it is away for long. */
export function isDue(
  group: Pick<HeldGroup<HeldPiece>, 'windowStartMs'>,
  seen: { isStopped: boolean; newestMs: number; windowMs: number; nowMs: number },
): boolean {
  const endMs = group.windowStartMs + seen.windowMs;
  return seen.newestMs >= endMs || seen.isStopped || seen.nowMs >= endMs + longGapMs;
}

/** What a closed spool file's name says: enough to commit it after any crash. */
export interface SegmentName {
  startMs: number;
  durationMs: number;
  epoch: number;
  /** Starts a new media timeline. */
  anchor: boolean;
  /**
   * Where it began before it was moved. In the name, so that no crash parts a file's new place from its turn: what was
   * recorded after it is committed after it, wherever they lie. Absent: it lies where it was recorded.
   */
  recordedMs?: number;
}

const closedPattern = /^(\d{1,16})-(\d{1,9})-(\d{1,10})-(first|next)(?:-r(\d{1,16}))?(?:-([0-9a-f]{64}))?\.mp4$/;

/** The name of a file in `closed/<camera>/`; sorts by start. */
export function segmentFileName(name: SegmentName): string {
  const recorded = name.recordedMs === undefined ? '' : `-r${name.recordedMs}`;
  return `${placeOf(name)}${recorded}.mp4`;
}

/**
 * In `linger/<camera>/` the hash is part of it, since the object's key needs it; it has had its turn.
 * @param sha256 hex
 */
export function lingeringFileName(name: SegmentName, sha256: string): string {
  return `${placeOf(name)}-${sha256}.mp4`;
}

function placeOf({ startMs, durationMs, epoch, anchor }: SegmentName): string {
  return `${startMs}-${durationMs}-${epoch}-${anchor ? 'first' : 'next'}`;
}

/** When a file was recorded, by its host's clock at that time: files of one recording are in this order. */
export function recordedMsOf({ startMs, recordedMs }: SegmentName): number {
  return recordedMs ?? startMs;
}

/** Null for a name that is not ours. */
export function parseSegmentFileName(file: string): { name: SegmentName; sha256: string | null } | null {
  const match = closedPattern.exec(file);
  if (match === null) return null;
  const [, start, duration, epoch, place, recorded, sha256] = match;
  const name = {
    startMs: Number(start),
    durationMs: Number(duration),
    epoch: Number(epoch),
    anchor: place === 'first',
    ...(recorded === undefined ? {} : { recordedMs: Number(recorded) }),
  };
  return { name, sha256: sha256 ?? null };
}

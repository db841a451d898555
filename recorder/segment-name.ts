/** What a closed spool file's name says: enough to commit it after any crash. */
export interface SegmentName {
  startMs: number;
  durationMs: number;
  epoch: number;
  /** Starts a new media timeline. */
  anchor: boolean;
}

const closedPattern = /^(\d{1,16})-(\d{1,9})-(\d{1,10})-(first|next)(?:-([0-9a-f]{64}))?\.mp4$/;

/** The name of a file in `closed/<camera>/`; sorts by start. */
export function segmentFileName(name: SegmentName): string {
  return `${name.startMs}-${name.durationMs}-${name.epoch}-${name.anchor ? 'first' : 'next'}.mp4`;
}

/** In `linger/<camera>/` the hash is part of it, since the object's key needs it. @param sha256 hex */
export function lingeringFileName(name: SegmentName, sha256: string): string {
  return segmentFileName(name).replace('.mp4', `-${sha256}.mp4`);
}

/** Null for a name that is not ours. */
export function parseSegmentFileName(file: string): { name: SegmentName; sha256: string | null } | null {
  const match = closedPattern.exec(file);
  if (match === null) return null;
  const [, start, duration, epoch, place, sha256] = match;
  const name = {
    startMs: Number(start),
    durationMs: Number(duration),
    epoch: Number(epoch),
    anchor: place === 'first',
  };
  return { name, sha256: sha256 ?? null };
}

/** ffmpeg's parser on data of another codec than SDP announced: every packet of it is recorded, none can be decoded. */
const undecodable = /missing picture in access unit|Invalid NAL unit size|no frame!/;
/** Two seconds of a slow camera; a damaged packet or two stay below it. */
const maxComplaints = 20;
const withinMs = 10_000;

/** Notices that what arrives cannot be decoded, though it arrives. */
export interface ComplaintWatch {
  line(line: string, atMs: number): void;
  /** A line of the many; null = no more than a camera's hiccup. */
  tooMany(): string | null;
}

export function createComplaintWatch(): ComplaintWatch {
  let times: number[] = [];
  let found: string | null = null;
  return {
    line(line, atMs) {
      if (found !== null || !undecodable.test(line)) return;
      times = [...times.filter((time) => atMs - time < withinMs), atMs];
      if (times.length >= maxComplaints) found = line;
    },
    tooMany: () => found,
  };
}

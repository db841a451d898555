/** Notices a camera that sends more than it may, for so long that it is no burst. */
export interface RateWatch {
  /**
   * @param bytes all that the camera has sent so far
   * @param nowMs monotonic
   * @returns what is wrong; null = it keeps to its bound
   */
  look(bytes: number, nowMs: number): string | null;
}

/** A bucket of this much at the bound: what a stall of the network has held up comes at once, and ffmpeg waits 10 s. */
const burstSeconds = 10;

export function createRateWatch(maxKbps: number, startMs: number): RateWatch {
  const bytesPerMs = maxKbps / 8;
  const capacity = bytesPerMs * 1000 * burstSeconds;
  let room = capacity;
  let seenBytes = 0;
  let seenMs = startMs;
  return {
    look(bytes, nowMs) {
      room = Math.min(capacity, room + (nowMs - seenMs) * bytesPerMs) - (bytes - seenBytes);
      seenBytes = bytes;
      seenMs = nowMs;
      if (room >= 0) return null;
      const kbps = Math.round((bytes * 8) / Math.max(1, nowMs - startMs));
      return `The camera sends ${kbps} kbit/s; it is not recorded above ${maxKbps}.`;
    },
  };
}

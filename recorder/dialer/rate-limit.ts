/** Says how long to pause reading so that a stream stays within its bandwidth: a token bucket. */
export interface RateLimit {
  /** Takes what was read; returns ms to pause, 0 while within the rate. */
  take(bytes: number, nowMs: number): number;
}

/** Burst of 2 s: a key frame is many times the mean, and a camera at its rate must never be paused. */
const burstSeconds = 2;
/** Shorter pauses are not worth a timer; the debt stays in the bucket. */
const shortestPauseMs = 5;

/** @param maxBytesPerSecond Infinity = no limit */
export function createRateLimit(maxBytesPerSecond: number, startMs: number): RateLimit {
  const capacity = maxBytesPerSecond * burstSeconds;
  let tokens = capacity;
  let atMs = startMs;
  return {
    take(bytes, nowMs) {
      if (maxBytesPerSecond === Infinity) return 0;
      tokens = Math.min(capacity, tokens + ((nowMs - atMs) / 1000) * maxBytesPerSecond) - bytes;
      atMs = nowMs;
      const pauseMs = (-tokens / maxBytesPerSecond) * 1000;
      return pauseMs < shortestPauseMs ? 0 : Math.ceil(pauseMs);
    },
  };
}

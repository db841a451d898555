/** After a crash: 1, 2, 4, ... 30 s, so that a broken setting does not burn a core, nor a rare crash cost a minute. */
const firstPauseMs = 1_000;
const longestPauseMs = 30_000;
/** What has run this long did not crash at its start: the next pause is a short one again. */
const settledMs = 60_000;

/** How long to wait before the next try. */
export function createPause(): { next(): number } {
  let pauseMs = firstPauseMs;
  let lastMs = Date.now();
  return {
    next() {
      if (Date.now() - lastMs > settledMs + pauseMs) pauseMs = firstPauseMs;
      lastMs = Date.now();
      const ms = pauseMs;
      pauseMs = Math.min(2 * pauseMs, longestPauseMs);
      return ms;
    },
  };
}

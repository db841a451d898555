/** Temporal takes a job away after 20 s of silence, and passes a beat on within 8 s. */
const usualBeatMs = 5_000;

/**
 * Shows every 5 s that work lives which says nothing of its own. Only for work that is sure to end by itself: a limit
 * of its own, or a watch for stalls.
 */
export async function beating<T>(onBeat: () => void, work: () => Promise<T>, everyMs = usualBeatMs): Promise<T> {
  const timer = setInterval(onBeat, everyMs);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

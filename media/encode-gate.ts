/** Lets so many encodes run at once as there are slots; others wait their turn. */
export interface EncodeGate {
  /** @param onWaiting called while it waits, as the job's sign of life. @throws the signal's reason once aborted */
  run<T>(work: () => Promise<T>, options: { signal?: AbortSignal | undefined; onWaiting: () => void }): Promise<T>;
}

const tickMs = 1_000;

/**
 * A worker takes one job more than it has slots: the next one's sources are fetched while its turn is not yet, so that
 * an encoder does not stand still for them. Measured, they were 3 to 6 % of an x264 job, and are more of a GPU's.
 * @param slots how many there are now; where they become fewer, what runs goes on and fewer come after it
 */
export function createEncodeGate(slots: () => number): EncodeGate {
  let running = 0;
  const waiting: (() => void)[] = [];

  /** In the order in which they came. */
  function letIn(): void {
    while (running < slots()) {
      const next = waiting.shift();
      if (next === undefined) return;
      running += 1;
      next();
    }
  }

  async function turn(signal: AbortSignal | undefined, onWaiting: () => void): Promise<void> {
    const timer = setInterval(() => {
      onWaiting();
      letIn(); // there may be more slots than before
    }, tickMs);
    try {
      await new Promise<void>((resolve, reject) => {
        const go = (): void => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        };
        const onAbort = (): void => {
          waiting.splice(waiting.indexOf(go), 1);
          reject(signal?.reason instanceof Error ? signal.reason : new Error('called off while it waited for a slot'));
        };
        signal?.addEventListener('abort', onAbort, { once: true });
        waiting.push(go);
        letIn();
      });
    } finally {
      clearInterval(timer);
    }
  }

  return {
    async run(work, { signal, onWaiting }) {
      signal?.throwIfAborted();
      await turn(signal, onWaiting);
      try {
        return await work();
      } finally {
        running -= 1;
        letIn();
      }
    },
  };
}

/** Says which refusals are worth an entry in a log that is kept for years. */
export interface Refusals {
  /**
   * @param of what was refused to whom: the same counts once an hour
   * @returns `one`, or `last`: no further one is told this hour, whoever it is; null: not to be told
   */
  tell(of: string, nowMs: number): 'one' | 'last' | null;
}

const windowMs = 3_600_000;
/** 2,400 entries a day at most, of some 400 bytes: whoever guesses from a million addresses makes the log no longer. */
const mostAnHour = 100;

/** Bounded in memory, too. Kept by each process, as the limit of tries a minute is. */
export function createRefusals(): Refusals {
  let window = -1;
  const told = new Set<string>();
  return {
    tell(of, nowMs) {
      const now = Math.floor(nowMs / windowMs);
      if (now !== window) told.clear();
      window = now;
      if (told.has(of) || told.size >= mostAnHour) return null;
      told.add(of);
      return told.size === mostAnHour ? 'last' : 'one';
    },
  };
}

/**
 * How many encoding sessions a host's driver gives, as learned from its refusals. GeForce's limit moved 2, 3, 5, 8, 12
 * with the drivers, is counted over all its cards, and other programs use it up too: it cannot be written down.
 */
export interface Ceiling {
  /** At most so many at once; null = never refused so far. */
  limit: number | null;
  /** When the limit last changed, or was confirmed by a refusal. */
  sinceMs: number;
  /** After this time without a refusal one session more is tried. */
  riseAfterMs: number;
}

export const unknownCeiling: Ceiling = { limit: null, sinceMs: 0, riseAfterMs: 0 };

/** Another program's session ends in minutes. */
const firstRiseMs = 60_000;
/** A true limit of the driver is asked again once an hour: a refused try costs half a second and no footage. */
const longestRiseMs = 3_600_000;

/**
 * The driver refused a session while `running` others of ours went on. Refused again at the same limit, the next try
 * comes after twice the time.
 */
export function afterRefusal(ceiling: Ceiling, running: number, nowMs: number): Ceiling {
  const isAgain = ceiling.limit !== null && running >= ceiling.limit;
  return {
    limit: Math.max(0, running),
    sinceMs: nowMs,
    riseAfterMs: isAgain ? Math.min(ceiling.riseAfterMs * 2, longestRiseMs) : firstRiseMs,
  };
}

/** A session beyond the limit was given: the limit is that high now, and the next one is tried soon. */
export function afterSuccess(ceiling: Ceiling, running: number, nowMs: number): Ceiling {
  if (ceiling.limit === null || running <= ceiling.limit) return ceiling;
  return { limit: running, sinceMs: nowMs, riseAfterMs: firstRiseMs };
}

/** How many sessions may run now: one above the limit once that is due; null = as many as there are slots. */
export function allowedSessions(ceiling: Ceiling, nowMs: number): number | null {
  if (ceiling.limit === null) return null;
  return nowMs - ceiling.sinceMs >= ceiling.riseAfterMs ? ceiling.limit + 1 : ceiling.limit;
}

/** When a job that found no session should come back. */
export function retryAfterMs(ceiling: Ceiling, nowMs: number): number {
  return Math.min(30_000, Math.max(1000, ceiling.sinceMs + ceiling.riseAfterMs - nowMs));
}

/** For people. */
export function describeCeiling(ceiling: Ceiling, nowMs: number): string {
  if (ceiling.limit === null) return 'The driver has refused no session so far.';
  const agoS = Math.round((nowMs - ceiling.sinceMs) / 1000);
  const nextS = Math.max(0, Math.round((ceiling.sinceMs + ceiling.riseAfterMs - nowMs) / 1000));
  const next = nextS === 0 ? 'one more is tried with the next job' : `one more is tried in ${nextS} s`;
  return `The driver refused a further session at ${ceiling.limit}, ${agoS} s ago; ${next}.`;
}

/** Why the limit is another one, for people. */
export function describeChange(from: number | null, to: number): string {
  if (from !== null && to > from) return `The driver gave a further session: ${to} at once, ${from} before.`;
  return `The driver refused a further session at ${to}${from === null ? '' : `, ${from} before`}.`;
}

/**
 * How many encodes these workers do at once. Each counts its own slots, but the sessions of a driver are its host's: two
 * workers that each may have all three have three together.
 */
export function slotsTogether(
  workers: readonly { host: string; kind: string; slots: number; ceiling: number | null }[],
): number {
  const slotsOf = (some: typeof workers): number => some.reduce((sum, { slots }) => sum + slots, 0);
  const cards = workers.filter(({ kind }) => kind === 'nvenc');
  const hosts = [...new Set(cards.map(({ host }) => host))].map((host) => {
    const own = cards.filter((worker) => worker.host === host);
    // One above the limit is allowed while it is tried whether there are more.
    const most = Math.max(...own.map(({ ceiling, slots }) => Math.max(ceiling ?? Infinity, slots)));
    return Math.min(slotsOf(own), most);
  });
  return slotsOf(workers) - slotsOf(cards) + hosts.reduce((sum, slots) => sum + slots, 0);
}

/** What decides whether two segments can be joined. */
export interface WindowSegment {
  startMs: number;
  durationMs: number;
  epoch: number;
  /** Starts a new media timeline: what comes before cannot be joined with it. */
  anchor: boolean;
  /** Hex: codec, size and parameter sets in one. */
  initSha256: string;
}

/** The start of the window that a segment belongs to: by its own start, aligned to UTC. */
export function windowStartOf(startMs: number, windowMs: number): number {
  return Math.floor(startMs / windowMs) * windowMs;
}

/**
 * The segments in runs that can each become one object: without a hole, on one media timeline, with one init. Nothing
 * is left out and the order stays.
 * @param segments in order of time, without overlaps
 */
export function unbrokenRuns<T extends WindowSegment>(segments: readonly T[]): T[][] {
  const runs: T[][] = [];
  for (const segment of segments) {
    const run = runs[runs.length - 1];
    const before = run?.[run.length - 1];
    if (run !== undefined && before !== undefined && continues(before, segment)) run.push(segment);
    else runs.push([segment]);
  }
  return runs;
}

/** Media time goes on exactly only where wall time does: a recorder starts each segment where the one before ended. */
function continues(before: WindowSegment, segment: WindowSegment): boolean {
  return (
    !segment.anchor &&
    segment.startMs === before.startMs + before.durationMs &&
    segment.epoch === before.epoch &&
    segment.initSha256 === before.initSha256
  );
}

/** One failure of a window's job. */
export interface WindowFailure {
  host: string;
  /** Its class; the same one again and again is the footage's own fault. */
  failure: string;
  text: string;
  atMs: number;
}

/** So many different hosts must agree that a window cannot be finished. */
const poisonHosts = 3;
/** Temporal cannot steer a job away from a host, so a fleet's luck is not waited for without end. */
const poisonAttempts = 6;

/**
 * Whether a window is parked: its job failed the same way three times on different hosts, or as often on all there
 * are.
 * @param liveHosts hosts that could have taken the job
 */
export function isPoisoned(failures: readonly WindowFailure[], liveHosts: number): boolean {
  const last = failures[failures.length - 1];
  if (last === undefined) return false;
  const same = failures.filter(({ failure }) => failure === last.failure);
  const hosts = new Set(same.map(({ host }) => host));
  return (
    same.length >= poisonHosts && (hosts.size >= Math.min(poisonHosts, liveHosts) || same.length >= poisonAttempts)
  );
}

/**
 * As long as Temporal lets a job run, and as a purge waits for copies on an encoder's disk: waiting for less, it would be
 * certified while a job still has some.
 */
export const longestJobMs = 10 * 3_600_000;

/** How long a window waits after its nth failure: 30 s, 1 min, ... 10 min. */
export function retryAfterMs(failures: number): number {
  return Math.min(600_000, 30_000 * 2 ** Math.max(0, failures - 1));
}

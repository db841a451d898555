import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { redact } from '../domain/redact.ts';
import { serverWaitMs } from '../domain/retry.ts';
import { errorText } from '../errors.ts';
import type { Logger } from '../log.ts';
import { measure, type WaitingFile } from './backlog.ts';
import type { CommitOutcome } from './commit.ts';
import { codeOf } from './error-code.ts';
import { createFailedTries } from './failed-tries.ts';
import type { ClosedFile, Hold } from './run-files.ts';
import { recordedMsOf } from './segment-name.ts';

export interface CommitCounts {
  committed: number;
  covered: number;
  quarantined: number;
  unreadable: number;
  gone: number;
  failures: number;
}

/** Why what waits is not committed, without any login, and since when that fails. */
export interface CommitError {
  text: string;
  sinceMs: number;
}

/** Commits closed files: each camera's in order, some cameras at a time, again and again until it succeeds. */
export interface Committer {
  add(file: ClosedFile): void;
  waiting(): WaitingFile[];
  counts(): CommitCounts;
  /** Of the camera whose commits fail for the longest time; null = the newest try of each succeeded. */
  failing(): CommitError | null;
  /** For the end of the process: waits until nothing waits but what another recording covers. @returns false when time ran out */
  flush(timeoutMs: number): Promise<boolean>;
  /** Ends after the commits that run just now. */
  stop(): Promise<void>;
}

/** Hashing and PUT of four files keep two cores and a 1 Gbit/s line busy. */
const concurrentCommits = 4;
const holdTickMs = 250;
/** Segments of 600 s are held for 615 s. A file that is held for longer waits for a time that a wrong clock gave it. */
const longestHoldMs = 900_000;

interface Waiting extends WaitingFile {
  closedAtMs: number;
  /** Start as it was recorded: a file that is moved on, and parts of one, keep their turn. */
  recordedMs: number;
  /** Of its hold, by a clock that is never set: the host's may go back by years while a file waits. */
  heldUntilMs: number;
  /** Since it was held first, likewise; null = it never was. */
  heldSinceMs: number | null;
}

export function createCommitter(deps: {
  commit: (file: ClosedFile) => Promise<CommitOutcome>;
  /** Told of every file that is done. */
  onDone: (file: ClosedFile, outcome: CommitOutcome) => void;
  log: Logger;
  now: () => number;
  /** For tests. */
  longestHoldMs?: number;
}): Committer {
  const lanes = new Map<string, Waiting[]>();
  const tries = createFailedTries({ log: deps.log, what: 'commits failed, the files wait in the spool' });
  const running = new Set<Promise<void>>();
  const stopped = new AbortController();
  setMaxListeners(0, stopped.signal); // each camera's lane may wait
  const counts: CommitCounts = { committed: 0, covered: 0, quarantined: 0, unreadable: 0, gone: 0, failures: 0 };
  /** By camera, while its newest try failed. */
  const failing = new Map<string, CommitError>();
  const slots = createSlots(concurrentCommits);
  let isFlushing = false;

  async function drainLane(cameraId: string, lane: Waiting[]): Promise<void> {
    let failures = 0;
    while (!stopped.signal.aborted) {
      if (lane.length === 0) break;
      const head = next(lane);
      if (head === undefined) {
        await pause(holdTickMs);
        continue;
      }
      const outcome = await slots.run(() => tryCommit(head.file));
      if (outcome === null) {
        failures += 1;
        await pause(serverWaitMs(failures, Math.random));
        continue;
      }
      failures = 0;
      if (outcome.kind === 'held') {
        hold(head, outcome.hold);
        continue;
      }
      if (outcome.kind === 'after') {
        await putBefore(lane, head, outcome.first);
        await pause(holdTickMs); // that one may be kept back
        continue;
      }
      const place = lane.indexOf(head);
      lane.splice(place, 1);
      const commitMs = deps.now() - head.closedAtMs;
      deps.log.debug({ cameraId, outcome: outcome.kind, commitMs }, 'closed file done');
      if (outcome.kind === 'cut') {
        await putAt(lane, place, outcome.parts, { recordedMs: head.recordedMs, closedAtMs: deps.now() });
      }
      deps.onDone(head.file, outcome);
    }
    if (lane.length === 0) lanes.delete(cameraId); // else it waits for the next start, and is told of
  }

  /** The first file that is not kept back; later ones pass only those that newer footage probably covers. */
  function next(lane: Waiting[]): Waiting | undefined {
    const first = lane.find((waiting) => waiting.file.held?.for !== 'footage' || !isHeld(waiting));
    return first === undefined || isHeld(first) ? undefined : first;
  }

  /** At the end there is no time to look for the seam; what another recording covers waits for the next start. */
  function isHeld({ file, heldUntilMs }: Waiting): boolean {
    if (file.held === undefined || heldUntilMs <= performance.now()) return false;
    return !(isFlushing && file.held.for === 'seam');
  }

  function hold(waiting: Waiting, asked: Hold): void {
    const steadyMs = performance.now();
    const longestMs = deps.longestHoldMs ?? longestHoldMs;
    waiting.heldSinceMs ??= steadyMs;
    const isOver = isFlushing || steadyMs - waiting.heldSinceMs >= longestMs;
    waiting.file = { ...waiting.file, held: isOver ? givenUp(asked) : asked };
    waiting.heldUntilMs = steadyMs + Math.min(asked.untilMs - deps.now(), longestMs);
  }

  async function tryCommit(file: ClosedFile): Promise<CommitOutcome | null> {
    try {
      const outcome = await deps.commit(file);
      failing.delete(file.cameraId);
      const { kind } = outcome;
      if (kind !== 'already' && kind !== 'cut' && kind !== 'held' && kind !== 'after') counts[kind] += 1;
      return outcome;
    } catch (error) {
      counts.failures += 1;
      const sinceMs = failing.get(file.cameraId)?.sinceMs ?? deps.now();
      failing.set(file.cameraId, { text: causeOf(error), sinceMs });
      tries.failed({ cameraId: file.cameraId, file: file.path }, error);
      return null;
    }
  }

  const due = (): number => [...lanes.values()].flat().filter((waiting) => !isHeld(waiting)).length;
  const pause = (ms: number): Promise<void> => sleep(ms, undefined, { signal: stopped.signal }).catch(() => undefined);

  return {
    add(file) {
      if (stopped.signal.aborted) return; // the next start finds it in `closed/`
      const lane = lanes.get(file.cameraId);
      if (lane !== undefined) {
        void insert(lane, file, deps.now());
        return;
      }
      const started: Waiting[] = [];
      lanes.set(file.cameraId, started);
      const run = insert(started, file, deps.now())
        .then(() => drainLane(file.cameraId, started))
        .finally(() => running.delete(run));
      running.add(run);
    },
    waiting: () => [...lanes.values()].flat(),
    counts: () => ({ ...counts }),
    failing: () => [...failing.values()].toSorted((a, b) => a.sinceMs - b.sinceMs)[0] ?? null,
    async flush(timeoutMs) {
      const endsAtMs = performance.now() + timeoutMs;
      isFlushing = true;
      while (due() > 0 && performance.now() < endsAtMs) await sleep(20);
      return due() === 0;
    },
    async stop() {
      stopped.abort();
      await Promise.all(running);
    },
  };
}

/** Stores answer with a code, and some without a word. */
function causeOf(error: unknown): string {
  return redact([codeOf(error) ?? '', errorText(error)].filter((part) => part !== '').join(': ')).slice(0, 300);
}

function givenUp(hold: Hold): Hold {
  return hold.for === 'seam' ? { ...hold, giveUpMs: 0 } : hold;
}

/** In the order of recording, so that the watermark moves forward and the fast path holds. */
async function insert(lane: Waiting[], file: ClosedFile, closedAtMs: number): Promise<void> {
  const recordedMs = recordedMsOf(file.name);
  const place = lane.findIndex((other) => other.recordedMs > recordedMs);
  await putAt(lane, place < 0 ? lane.length : place, [file], { recordedMs, closedAtMs });
}

/** Gives a file the turn before another one's. */
async function putBefore(lane: Waiting[], head: Waiting, first: ClosedFile): Promise<void> {
  const place = lane.findIndex(({ file }) => file.path === first.path);
  const [waiting] = place < 0 ? [] : lane.splice(place, 1);
  const { recordedMs, closedAtMs } = head;
  const held = waiting === undefined ? {} : { heldUntilMs: waiting.heldUntilMs, heldSinceMs: waiting.heldSinceMs };
  await putAt(lane, lane.indexOf(head), [waiting?.file ?? first], { recordedMs, closedAtMs, ...held });
}

async function putAt(
  lane: Waiting[],
  place: number,
  files: readonly ClosedFile[],
  since: Pick<Waiting, 'recordedMs' | 'closedAtMs'> & Partial<Waiting>,
): Promise<void> {
  const all = files.map((file) => ({ file, bytes: 0, heldUntilMs: 0, heldSinceMs: null, ...since }));
  lane.splice(place, 0, ...all);
  for (const waiting of all) await measure(waiting);
}

function createSlots(count: number): { run<T>(work: () => Promise<T>): Promise<T> } {
  let free = count;
  const queue: (() => void)[] = [];
  return {
    async run(work) {
      if (free > 0) free -= 1;
      else await new Promise<void>((resolve) => queue.push(resolve));
      try {
        return await work();
      } finally {
        const next = queue.shift();
        if (next === undefined) free += 1;
        else next();
      }
    },
  };
}

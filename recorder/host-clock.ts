import { setTimeout as sleep } from 'node:timers/promises';
import { databaseNowMs } from '../db/clock.ts';
import type { Pool } from '../db/sql.ts';
import { agree, correctionMs, offsetOf, type ClockOffset } from '../domain/clock-vote.ts';
import { errorText } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Objects } from '../storage/objects.ts';
import { steadyNowMs, suspendedMs } from './steady-clock.ts';

/** What time it is for this process: by the host's clock, but for what two of three clocks say is wrong with it. */
export interface HostClock {
  /** Ms since 1970. It steps only where two of three clocks agree that it must, and else goes on as a steady one does. */
  now: () => number;
  /** By how much the host's own clock is wrong, and since when that is known; null = it is not. */
  wrong(): { aheadMs: number; sinceMs: number } | null;
  /** Looks once, so that what begins now begins at the right time. Waits for an answer, but no longer than this. */
  look(withinMs: number): Promise<void>;
  start(): void;
  stop(): void;
}

/** Five segments of 2 s have to be seen before footage follows a clock; by then it has been compared. */
const everyMs = 5000;
/** What the host's clock is off by from one look at it to the next is drift and slewing up to this, and a step beyond. */
const stepMs = 1000;

/** For tests: the clocks that the host's is compared with. */
export interface OtherClocks {
  databaseNow?: () => Promise<number>;
  /** In whole seconds; null = it has none. */
  storeNow?: () => Promise<number | null>;
  /** For how long the machine has been suspended until now. */
  suspended?: () => number;
}

/** @param deps.hostNow the host's clock, ms since 1970 */
export function createHostClock(
  deps: { hostNow: () => number; db: Pool; objects: Pick<Objects, 'nowMs'>; log: Logger } & OtherClocks,
): HostClock {
  const { hostNow, log, databaseNow = () => databaseNowMs(deps.db), storeNow = () => deps.objects.nowMs() } = deps;
  const { suspended = suspendedMs } = deps;
  const stopped = new AbortController();
  /** Added to the steady clock. */
  let offsetMs = hostNow() - steadyNowMs();
  /** What the host's clock was ahead of the steady one when it was read last. */
  let aheadMs = offsetMs;
  let sleptMs = suspended();
  let wrong: { aheadMs: number; sinceMs: number } | null = null;
  let looking: Promise<void> | null = null;

  /** Reads both clocks. A step of the host's may be the end of a sleep: then time went on, though nobody can be asked. */
  function read(): { atMs: number; steadyMs: number } {
    const [atMs, steadyMs] = [hostNow(), steadyNowMs()];
    const isStep = Math.abs(atMs - steadyMs - aheadMs) > stepMs;
    aheadMs = atMs - steadyMs;
    const moreMs = isStep ? suspended() - sleptMs : 0;
    if (moreMs > stepMs) {
      sleptMs += moreMs;
      offsetMs += moreMs;
      log.warn({ suspendedMs: Math.round(moreMs) }, 'this machine was suspended');
    }
    return { atMs, steadyMs };
  }

  function now(): number {
    const { atMs, steadyMs } = read();
    // Slewed by NTP; a step of the host's clock is believed once another clock confirms it.
    if (wrong === null && Math.abs(atMs - steadyMs - offsetMs) <= stepMs) offsetMs = atMs - steadyMs;
    return Math.round(steadyMs + offsetMs);
  }

  /** By how much another clock is ahead of the host's; null = it gives no answer. */
  async function ask(clock: () => Promise<number | null>, tickMs: number): Promise<ClockOffset | null> {
    const asked = { steadyMs: steadyNowMs(), hostMs: hostNow() };
    try {
      const saidMs = await clock();
      const tookMs = steadyNowMs() - asked.steadyMs;
      const answeredMs = asked.hostMs + tookMs;
      // Set meanwhile, the host's clock is compared at the next look.
      if (Math.abs(hostNow() - answeredMs) > stepMs) return null;
      return saidMs === null ? null : offsetOf(saidMs, { askedMs: asked.hostMs, answeredMs, tickMs });
    } catch (error) {
      log.debug({ cause: errorText(error) }, 'a clock was asked in vain');
      return null;
    }
  }

  async function compare(): Promise<void> {
    const database = await ask(databaseNow, 0);
    const store = database !== null && agree(database, { leastMs: 0, mostMs: 0 }) ? null : await ask(storeNow, 1000);
    const byMs = correctionMs(database, store);
    if (byMs === null) return;
    const { atMs, steadyMs } = read();
    if (byMs === 0) {
      if (wrong !== null) log.info('the clock of this host is right again');
      wrong = null;
      offsetMs = atMs - steadyMs;
      return;
    }
    if (wrong === null)
      log.error(
        { aheadMs: -byMs },
        'the clock of this host is wrong: set it (NTP); until then those of catalogue and store are used',
      );
    // What the answers leave open is no reason for a step.
    const keptMs = offsetMs + steadyMs - atMs;
    if (!agree({ leastMs: byMs, mostMs: byMs }, { leastMs: keptMs, mostMs: keptMs })) {
      offsetMs = atMs + byMs - steadyMs;
    }
    wrong = { aheadMs: -byMs, sinceMs: wrong?.sinceMs ?? atMs + byMs };
  }

  /** One at a time: a store that hangs is waited for by the next look too. */
  function lookOnce(): Promise<void> {
    looking ??= compare().finally(() => {
      looking = null;
    });
    return looking;
  }

  async function watch(): Promise<void> {
    while (!stopped.signal.aborted) {
      await sleep(everyMs, undefined, { signal: stopped.signal }).catch(() => undefined);
      if (!stopped.signal.aborted) await lookOnce();
    }
  }

  return {
    now,
    wrong: () => wrong,
    look: (withinMs) => Promise.race([lookOnce(), sleep(withinMs)]),
    start() {
      void watch();
    },
    // A store that hangs is not waited for.
    stop: () => stopped.abort(),
  };
}

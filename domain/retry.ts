import type { GapReason } from './gap-reason.ts';

/** Ordinary faults: from 1 s (a camera that reboots answers soon) to 30 s (so that footage is back within half a minute). */
const ordinary = { floorMs: 1000, firstCeilingMs: 2000, ceilingMs: 30_000 };
/** Faults a person must mend, from 30 s to 10 min. */
const slow = { floorMs: 30_000, firstCeilingMs: 60_000, ceilingMs: 600_000 };

/** Our own servers: so soon after one is back the backlog goes on. */
const server = { floorMs: 500, firstCeilingMs: 1000, ceilingMs: 10_000 };

/** For wrong logins. */
const login = { firstCeilingMs: 60_000, ceilingMs: 900_000 };

/**
 * How long to wait before the next try: exponential, with jitter over the whole range (but for logins) so that cameras
 * behind one switch that comes back are not asked all in the same second.
 * @param attempt tries failed in a row, 1 for the first
 * @param random a number in [0, 1)
 * @param needsPerson whatever its reason, this fault is one that a person must mend
 */
export function backoffMs(reason: GapReason, attempt: number, random: () => number, needsPerson = false): number {
  if (reason === 'auth') return loginWaitMs(attempt, random);
  return waitMs(needsPerson || reason === 'not-found' ? slow : ordinary, attempt, random);
}

/**
 * Cameras lock a login out for half an hour after five to seven bad tries, and then refuse the right one too: there are
 * five in half an hour as a rule. So the ceiling is tripled, and jitter is in the upper half alone.
 */
function loginWaitMs(attempt: number, random: () => number): number {
  const tripled = login.firstCeilingMs * 3 ** Math.min(Math.max(attempt, 1) - 1, 16);
  return Math.round((Math.min(tripled, login.ceilingMs) / 2) * (1 + random()));
}

/**
 * How long what waits for one of our servers lets it be: hundreds of cameras' files and writes do, and they must not all
 * come in the same moment, neither while it is away nor when it is back.
 * @param attempt tries failed in a row, 1 for the first
 * @param random a number in [0, 1)
 */
export function serverWaitMs(attempt: number, random: () => number): number {
  return waitMs(server, attempt, random);
}

function waitMs(
  { floorMs, firstCeilingMs, ceilingMs }: typeof ordinary,
  attempt: number,
  random: () => number,
): number {
  const doubled = firstCeilingMs * 2 ** Math.min(Math.max(attempt, 1) - 1, 16);
  const top = Math.min(doubled, ceilingMs);
  return Math.round(floorMs + random() * (top - floorMs));
}

/** A run that gave this much footage proves the camera well: the next fault starts again from the shortest wait. */
export const healthyRunMs = 5000;

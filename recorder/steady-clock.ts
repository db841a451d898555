import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { isMissingFile } from './error-code.ts';

/** Ms by the system's clock that is never set. It goes on when a process ends, until the system is started again. */
export function steadyNowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/**
 * For how long the machine has been suspended since it was started, to 0.01 s: `steadyNowMs` stands still meanwhile, and
 * the time since the start (CLOCK_BOOTTIME) does not. 0 where a system counts that by the clock that is set. A virtual
 * machine that its host has paused knows of no time that has passed.
 */
export function suspendedMs(): number {
  return process.platform === 'linux' ? uptime() * 1000 - steadyNowMs() : 0;
}

/**
 * Names what `steadyNowMs` counts from (random(4), `boot_id`): only times of the same boot can be compared.
 * @returns null on a system that has no such name
 */
export function bootId(): string | null {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch (error) {
    if (isMissingFile(error)) return null;
    throw error;
  }
}

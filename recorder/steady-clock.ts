import { readFileSync } from 'node:fs';
import { isMissingFile } from './error-code.ts';

/** Ms by the system's clock that is never set. It goes on when a process ends, until the system is started again. */
export function steadyNowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
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

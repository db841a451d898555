import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errorText } from '../../errors.ts';
import { say } from './figure.ts';

const source = fileURLToPath(new URL('chaos-clock.c', import.meta.url));

/** The wall clock of a host, which may be stepped. */
export interface HostClock {
  /** Settings of the host's processes; their ffmpeg inherits them. */
  environment: Record<string, string>;
  /** Sets it to the true time plus this. */
  step(ms: number): void;
}

/** Builds what steps clocks. @returns makes a host's clock; null where there is no compiler, which is said */
export function prepareClocks(dir: string): ((host: string) => HostClock) | null {
  const library = join(dir, 'chaos-clock.so');
  try {
    execFileSync('cc', ['-O2', '-shared', '-fPIC', '-o', library, source, '-ldl'], { stdio: 'pipe' });
  } catch (error) {
    say(`No steps of host clocks: the shim cannot be built (${errorText(error).split('\n')[0]}).`);
    return null;
  }
  return (host) => {
    const path = join(dir, `clock-${host}`);
    const step = (ms: number): void => {
      const offset = Buffer.alloc(8);
      offset.writeBigInt64LE(BigInt(ms) * 1_000_000n);
      writeFileSync(path, offset, { flag: 'r+' });
    };
    writeFileSync(path, Buffer.alloc(8));
    return { environment: { LD_PRELOAD: library, CHAOS_CLOCK: path }, step };
  };
}

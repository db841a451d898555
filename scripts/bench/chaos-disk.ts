import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { errorText } from '../../errors.ts';
import { say } from './figure.ts';

/** A small file system of a host's own for its spool, which may be filled up to the last byte. */
export interface SmallDisk {
  spoolDir: string;
  /** From now on each write of a host's process fails with ENOSPC. */
  fill(): Promise<void>;
  free(): void;
  unmount(): void;
}

const run = promisify(execFile);

/** The recorder keeps 500 MB of a disk free; this is left for footage. */
const forFootageBytes = 100_000_000;
const keptFreeBytes = 500_000_000;

/** Mounts one in memory. @returns null where this user may not mount, which is said */
export function mountSmallDisk(dir: string): SmallDisk | null {
  mkdirSync(dir, { recursive: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${keptFreeBytes + forFootageBytes}`, 'tmpfs', dir], {
      stdio: 'pipe',
    });
  } catch (error) {
    say(`No full disk: a small one cannot be mounted (${errorText(error).split('\n')[0]}).`);
    return null;
  }
  const ballast = join(dir, 'ballast');
  return {
    spoolDir: join(dir, 'spool'), // beside the ballast, which is none of its footage
    fill: () =>
      // In a process of its own, for this one plays the cameras. `cat` writes what room there is and ends at ENOSPC.
      run('sh', ['-c', 'cat /dev/zero > "$0"', ballast], { env: { ...process.env, LC_ALL: 'C' } }).then(
        () => undefined,
        (error: { stderr?: string }) => {
          if (error.stderr?.includes('No space left') !== true) throw error;
        },
      ),
    free: () => rmSync(ballast, { force: true }),
    unmount: () => void execFileSync('umount', ['-l', dir]),
  };
}

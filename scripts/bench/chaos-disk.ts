import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { errorText } from '../../errors.ts';
import { codeOf } from '../../recorder/error-code.ts';
import { say } from './figure.ts';

/** A small file system of a host's own for its spool, which may be filled up to the last byte. */
export interface SmallDisk {
  spoolDir: string;
  /** From now on each write of a host's process fails with ENOSPC. */
  fill(): void;
  free(): void;
  unmount(): void;
}

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
    fill() {
      const file = openSync(ballast, 'a');
      try {
        for (const bytes of [1024 * 1024, 4096]) writeUntilFull(file, Buffer.alloc(bytes));
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(ballast, { force: true }),
    unmount: () => void execFileSync('umount', ['-l', dir]),
  };
}

/** The last blocks need small writes. */
function writeUntilFull(file: number, bytes: Buffer): void {
  try {
    for (;;) writeSync(file, bytes);
  } catch (error) {
    if (codeOf(error) !== 'ENOSPC') throw error;
  }
}

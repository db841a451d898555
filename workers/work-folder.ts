import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** A folder named after this process; those of processes that were killed go. */
export async function makeWorkFolder(parent: string): Promise<string> {
  await mkdir(parent, { recursive: true });
  for (const name of await readdir(parent)) {
    if (Number(name) === process.pid || !isAlive(Number(name))) {
      await rm(join(parent, name), { recursive: true, force: true });
    }
  }
  const own = join(parent, String(process.pid));
  await mkdir(own);
  return own;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

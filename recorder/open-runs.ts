import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Spool } from '../storage/spool.ts';
import { nullIfUnreadable } from './error-code.ts';

/** The runs in `open/` by camera, oldest first (their names start with the time). Empty folders count too, damaged ones are left out. */
export async function openRuns(spool: Spool): Promise<Map<string, string[]>> {
  const root = path.join(spool.dir, 'open');
  const runs = new Map<string, string[]>();
  for (const cameraId of await foldersIn(root)) {
    const found = await foldersIn(path.join(root, cameraId));
    if (found.length > 0) runs.set(cameraId, found.toSorted());
  }
  return runs;
}

async function foldersIn(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(nullIfUnreadable);
  return (entries ?? []).filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

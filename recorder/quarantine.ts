import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { renameDurably } from '../storage/durable-file.ts';

/** Puts a file aside that cannot be catalogued: kept for a person to look at, with the reason beside it. */
export type Quarantine = (cameraId: string, filePath: string, why: string) => Promise<void>;

/** @param spoolDir files go to `quarantine/<camera>/` below it */
export function createQuarantine(spoolDir: string): Quarantine {
  return async (cameraId, filePath, why) => {
    const folder = path.join(spoolDir, 'quarantine', cameraId);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    // A run's files are called 0.mp4, 1.mp4, ...: its folder's name keeps those of two runs apart.
    const name = `${path.basename(path.dirname(filePath))}-${path.basename(filePath)}`;
    await writeFile(path.join(folder, `${name}.reason.txt`), `${why}\n`);
    await renameDurably(filePath, path.join(folder, name));
  };
}

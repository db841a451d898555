import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { noteHeld } from '../../db/held-windows.ts';
import type { Db } from '../../db/sql.ts';
import { segmentFileName } from '../../recorder/segment-name.ts';
import { t0, type SiteCamera } from './finish-site.ts';

/** A host's spool in which files of 4 s each wait for the final of the window that begins at t0. */
export interface HeldFootage {
  db: Db;
  spoolDir: string;
  hostId: string;
  files: readonly string[];
  windowMs: number;
}

/** Footage as a recorder holds it: in `closed/`, noted. @param isClosed whether nothing more is to come */
export async function holdFootage(held: HeldFootage, camera: SiteCamera, isClosed = true): Promise<void> {
  const { db, spoolDir, hostId, files, windowMs } = held;
  const folder = join(spoolDir, 'closed', camera.id);
  await mkdir(folder, { recursive: true });
  for (const [i, path] of files.entries()) {
    const name = segmentFileName({ startMs: t0 + i * 4000, durationMs: 4000, epoch: 1, anchor: i === 0 });
    await copyFile(path, join(folder, name));
  }
  const range = { fromMs: t0, toMs: t0 + files.length * 4000 };
  const isNoted = await noteHeld(db, hostId, {
    cameraId: camera.id,
    windowStartMs: t0,
    windowMs,
    ...range,
    isClosed,
  });
  if (!isNoted) throw new Error('footage of this window is stored already');
}

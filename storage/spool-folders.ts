import type { Dirent } from 'node:fs';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from './durable-file.ts';
import { codeOf, isMissingFile, isUnreadable } from './file-error.ts';

/** A file of the spool. `bytes` is its length, `diskBytes` what it takes on disk. */
export interface SpoolFile {
  cameraId: string;
  name: string;
  path: string;
  bytes: number;
  diskBytes: number;
  modifiedMs: number;
  /** The disk does not say what it is: the three figures above are 0. */
  isUnreadable?: true;
}

export type OnUnreadable = (path: string, error: unknown) => void;

/** POSIX counts blocks in units of 512 bytes whatever the file system's own block is. */
const blockBytes = 512;

/**
 * Lists and measures folders of the spool. A place whose state the disk does not give back (a damaged inode) stops
 * nothing but itself: a file stays listed and counts nothing, a folder counts as empty.
 */
export function createSpoolFolders(onUnreadable: OnUnreadable = () => undefined): {
  foldersIn: (path: string) => Promise<string[]>;
  /** The files of a folder by name. One that goes while we look (its commit is done) is left out. */
  filesOf: (folder: string, cameraId: string) => Promise<SpoolFile[]>;
  /**
   * A file or folder that goes while we look counts nothing.
   * @param bytesAt for the files; default: each is looked at
   */
  diskBytesBelow: (folder: string, bytesAt?: (path: string) => Promise<number>) => Promise<number>;
  diskBytesAt: (path: string) => Promise<number>;
} {
  const told = new Set<string>();

  /** @throws what says neither that nothing is there nor that it cannot be read */
  function untold(path: string, error: unknown): void {
    if (isMissingFile(error)) return;
    if (!isUnreadable(error)) throw error;
    if (told.has(path)) return;
    told.add(path);
    onUnreadable(path, error);
  }

  async function entriesOf(path: string): Promise<Dirent[]> {
    try {
      return await readdir(path, { withFileTypes: true });
    } catch (error) {
      untold(path, error);
      return [];
    }
  }

  async function fileAt(path: string, name: string, cameraId: string): Promise<SpoolFile | null> {
    try {
      const { size, blocks, mtimeMs } = await stat(path);
      const modifiedMs = Math.floor(mtimeMs);
      return { cameraId, name, path, bytes: size, diskBytes: blocks * blockBytes, modifiedMs };
    } catch (error) {
      untold(path, error);
      if (isMissingFile(error)) return null;
      return { cameraId, name, path, bytes: 0, diskBytes: 0, modifiedMs: 0, isUnreadable: true };
    }
  }

  /** Where somebody has put what is not ours to see, the rest is measured all the same: the bounds depend on it. */
  function unmeasured(path: string, error: unknown): void {
    if (!['EACCES', 'EPERM'].includes(codeOf(error) ?? '')) return untold(path, error);
    if (told.has(path)) return;
    told.add(path);
    onUnreadable(path, error);
  }

  async function diskBytesAt(path: string): Promise<number> {
    try {
      return (await stat(path)).blocks * blockBytes;
    } catch (error) {
      unmeasured(path, error);
      return 0;
    }
  }

  async function diskBytesBelow(folder: string, bytesAt = diskBytesAt): Promise<number> {
    const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
      unmeasured(folder, error);
      return [];
    });
    const sizes = await Promise.all(
      entries.map((entry) => {
        const path = join(folder, entry.name);
        return entry.isDirectory() ? diskBytesBelow(path, bytesAt) : bytesAt(path);
      }),
    );
    return sizes.reduce((sum, bytes) => sum + bytes, 0);
  }

  return {
    async foldersIn(path) {
      return (await entriesOf(path)).filter((entry) => entry.isDirectory()).map((entry) => entry.name);
    },
    async filesOf(folder, cameraId) {
      const entries = (await entriesOf(folder)).filter((entry) => entry.isFile());
      const files = await Promise.all(entries.map(({ name }) => fileAt(join(folder, name), name, cameraId)));
      return files.filter((file) => file !== null).toSorted((a, b) => (a.name < b.name ? -1 : 1));
    },
    diskBytesBelow,
    diskBytesAt,
  };
}

/** Makes a folder and the folders above it durable, so that a file moved into it cannot lose its way. */
export async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let folder = join(path, '..'); folder.length >= join(first, '..').length; folder = join(folder, '..')) {
    await syncFolder(folder);
  }
}

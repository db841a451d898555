import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfThere, renameDurably, syncFolder, writeDurably } from './durable-file.ts';
import { createSpoolFolders, makeFolder, type OnUnreadable, type SpoolFile } from './spool-folders.ts';

export type { SpoolFile } from './spool-folders.ts';

const markerName = 'framekeep-spool.json';

/** Room that stays for everything else on the disk: a database or system on a full disk does worse than we do. */
const keptFreeBytes = 500_000_000;

/** A file that was being written; `run` names one run of ffmpeg. */
interface OpenFile extends SpoolFile {
  run: string;
}

export interface SpoolUsage {
  /** What the spool's files take on disk. */
  usedBytes: number;
  maxBytes: number;
  /** What the disk has left for us. */
  freeBytes: number;
}

/**
 * The recorder's bounded local disk:
 * `open/<camera>/<run>/` (being recorded), `closed/<camera>/` (to be committed), `linger/<camera>/` (committed);
 * `journal/<name>.json`, `claims/<camera>.json` (what the catalogue is yet to be told) and `met/<camera>` (which newer
 * recording has the rest of its pictures).
 */
export interface Spool {
  dir: string;
  /** This host's identity, from the marker file: it moves with the disk. */
  hostId: string;
  /** @throws Error when the marker is gone or another's: the disk was unmounted or exchanged */
  checkPresent(): Promise<void>;
  /** Makes the folder that a run of ffmpeg writes to. @throws as `checkPresent` */
  openRun(cameraId: string, run: string): Promise<string>;
  /** Moves a finished file from `open/` to `closed/`, durably. @returns its new path */
  close(file: { cameraId: string; run: string; name: string }, closedName: string): Promise<string>;
  /** Moves a committed file from `closed/` to `linger/`. @returns its new path */
  linger(cameraId: string, name: string, lingeringName: string): Promise<string>;
  /** Removes a file or a run's folder for good; no error when it is gone already. */
  remove(path: string): Promise<void>;
  openFiles(): Promise<OpenFile[]>;
  closedFiles(cameraId?: string): Promise<SpoolFile[]>;
  lingeringFiles(cameraId?: string): Promise<SpoolFile[]>;
  /**
   * Sums the files anew, by blocks: preallocated and sparse files count what they take. Those that linger are measured
   * once, since they stay as they are.
   */
  usage(): Promise<SpoolUsage>;
  /** Whether `bytes` more fit below the spool's bound and onto the disk. */
  hasRoomFor(bytes: number): Promise<boolean>;
  readJournal(name: string): Promise<string | null>;
  writeJournal(name: string, text: string): Promise<void>;
  removeJournal(name: string): Promise<void>;
  journalNames(): Promise<string[]>;
}

/**
 * Opens the spool in `dir`, making it on first use.
 * @param options.expectExisting the host has recorded here before: a folder without marker then means that its disk is
 * not mounted, and recording onto the disk below would be lost from sight
 * @param options.onUnreadable told once of each place whose state the disk does not give back
 */
export async function openSpool(options: {
  dir: string;
  maxBytes: number;
  expectExisting?: boolean;
  onUnreadable?: OnUnreadable;
}): Promise<Spool> {
  const { dir, maxBytes } = options;
  const { foldersIn, filesOf, diskBytesBelow, diskBytesAt } = createSpoolFolders(options.onUnreadable);
  const markerPath = join(dir, markerName);
  if (options.expectExisting !== true) await mkdir(dir, { recursive: true, mode: 0o700 });
  const hostId = (await readMarker(markerPath)) ?? (await makeMarker(markerPath, options.expectExisting ?? false));
  for (const folder of ['journal', 'claims', 'met', 'open', 'closed', 'linger']) await makeFolder(join(dir, folder));
  await syncFolder(dir);

  const journalPath = (name: string): string => join(dir, 'journal', `${safeName(name)}.json`);

  async function checkPresent(): Promise<void> {
    const found = await readMarker(markerPath);
    if (found !== hostId) {
      throw new Error(
        found === null
          ? `the spool ${dir} has lost its marker file ${markerName}; is its disk still mounted?`
          : `the spool ${dir} belongs to host ${found}, not to ${hostId}; was its disk exchanged?`,
      );
    }
  }

  async function filesIn(level: 'closed' | 'linger', cameraId?: string): Promise<SpoolFile[]> {
    const cameraIds = cameraId === undefined ? await foldersIn(join(dir, level)) : [safeName(cameraId)];
    const perCamera = await Promise.all(cameraIds.map((id) => filesOf(join(dir, level, id), id)));
    return perCamera.flat();
  }

  async function openFiles(): Promise<OpenFile[]> {
    const files: OpenFile[] = [];
    for (const cameraId of await foldersIn(join(dir, 'open'))) {
      for (const run of await foldersIn(join(dir, 'open', cameraId))) {
        const found = await filesOf(join(dir, 'open', cameraId, run), cameraId);
        files.push(...found.map((file) => ({ ...file, run })));
      }
    }
    return files;
  }

  const lingering = join(dir, 'linger/');
  /** Of the files that linger, which stay as they are: 30 a camera, and each look at one is a turn of the thread pool. */
  let known = new Map<string, number>();

  async function usage(): Promise<SpoolUsage> {
    const found = new Map<string, number>();
    const bytesAt = async (path: string): Promise<number> => {
      const bytes = known.get(path) ?? (await diskBytesAt(path));
      if (bytes > 0 && path.startsWith(lingering)) found.set(path, bytes);
      return bytes;
    };
    // Everything counts, also what was put aside.
    const [usedBytes, disk] = await Promise.all([diskBytesBelow(dir, bytesAt), statfs(dir)]);
    known = found;
    return { usedBytes, maxBytes, freeBytes: Math.max(0, disk.bavail * disk.bsize - keptFreeBytes) };
  }

  return {
    dir,
    hostId,
    checkPresent,
    async openRun(cameraId, run) {
      await checkPresent();
      const folder = join(dir, 'open', safeName(cameraId), safeName(run));
      await makeFolder(folder);
      return folder;
    },
    async close(file, closedName) {
      const folder = join(dir, 'closed', safeName(file.cameraId));
      await makeFolder(folder);
      const target = join(folder, safeName(closedName));
      await renameDurably(join(dir, 'open', safeName(file.cameraId), safeName(file.run), safeName(file.name)), target);
      return target;
    },
    async linger(cameraId, name, lingeringName) {
      const folder = join(dir, 'linger', safeName(cameraId));
      await makeFolder(folder);
      const target = join(folder, safeName(lingeringName));
      // Its content is durable since it was closed; where a power cut brings its old name back, it is committed already.
      await rename(join(dir, 'closed', safeName(cameraId), safeName(name)), target);
      await syncFolder(folder);
      return target;
    },
    async remove(path) {
      await rm(path, { recursive: true, force: true });
    },
    openFiles,
    closedFiles: (cameraId) => filesIn('closed', cameraId),
    lingeringFiles: (cameraId) => filesIn('linger', cameraId),
    usage,
    async hasRoomFor(bytes) {
      const { usedBytes, freeBytes } = await usage();
      return usedBytes + bytes <= maxBytes && bytes <= freeBytes;
    },
    readJournal: (name) => readIfThere(journalPath(name)),
    writeJournal: (name, text) => writeDurably(journalPath(name), text),
    async removeJournal(name) {
      await rm(journalPath(name), { force: true });
      await syncFolder(join(dir, 'journal'));
    },
    async journalNames() {
      const names = await readdir(join(dir, 'journal'));
      return names.filter((name) => name.endsWith('.json')).map((name) => name.slice(0, -'.json'.length));
    },
  };
}

/** The host whose spool is in this folder; null = there is none (yet). */
export function spoolHostId(dir: string): Promise<string | null> {
  return readMarker(join(dir, markerName));
}

async function readMarker(path: string): Promise<string | null> {
  const text = await readIfThere(path);
  if (text === null) return null;
  const marker: unknown = JSON.parse(text);
  const hostId = typeof marker === 'object' && marker !== null && 'hostId' in marker ? marker.hostId : undefined;
  if (typeof hostId !== 'string') throw new Error(`${path} names no hostId`);
  return hostId;
}

async function makeMarker(path: string, expectExisting: boolean): Promise<string> {
  if (expectExisting) {
    throw new Error(
      `there is no spool here (${path} is missing); is its disk mounted? Recording is refused until then`,
    );
  }
  const hostId = randomUUID();
  await writeDurably(path, `${JSON.stringify({ hostId })}\n`);
  return hostId;
}

/** Names come from our own ids, yet none may ever lead out of the spool. */
function safeName(name: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) throw new Error(`not a name for a file of the spool: ${name}`);
  return name;
}

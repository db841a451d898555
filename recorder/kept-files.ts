import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { renameDurably, syncFolder } from '../storage/durable-file.ts';
import { createSpoolFolders, makeFolder, type SpoolFile } from '../storage/spool-folders.ts';
import { isMissingFile } from './error-code.ts';
import type { ClosedFile } from './run-files.ts';
import { parseSegmentFileName, segmentFileName, type SegmentName } from './segment-name.ts';

/** Ends the name of the file that says why the one beside it was put aside: for the person who looks for it. */
export const reasonEnding = '.reason.txt';
/** Ends the name of a file that an operator wants to be committed again; its recorder takes it from there. */
const askedEnding = '.retry';
/** Of versions before, which kept the original of a damaged file so, in `unreadable/`. */
const damagedEnding = '.damaged';

/** Where it is written why a file was put aside. */
export function reasonOf(filePath: string): string {
  return `${filePath}${reasonEnding}`;
}

/** A file of the spool that was put aside, for a person to look at. */
export interface KeptFile {
  cameraId: string;
  /** `unreadable`: its disk does not give it back; `damaged`: what of it is whole is stored. */
  kind: 'quarantine' | 'unreadable' | 'damaged';
  /** Where it lies; null = only its reason is there. */
  path: string | null;
  /** Its camera's time that it has; null = its name does not say so. */
  name: SegmentName | null;
  isAsked: boolean;
  bytes: number;
  diskBytes: number;
  /** When it was put aside. */
  sinceMs: number;
  reasonPath: string | null;
}

/** All that was put aside in a spool. @throws errors of the file system, but of places that it does not give back */
export async function keptFiles(spoolDir: string): Promise<KeptFile[]> {
  const { foldersIn, filesOf } = createSpoolFolders();
  const kept = new Map<string, KeptFile>();
  for (const level of ['quarantine', 'unreadable'] as const) {
    const root = path.join(spoolDir, level);
    for (const cameraId of await foldersIn(root)) {
      for (const file of await filesOf(path.join(root, cameraId), cameraId)) add(kept, level, file);
    }
  }
  return [...kept.values()];
}

/** A reason without its file counts for itself. */
function add(kept: Map<string, KeptFile>, level: 'quarantine' | 'unreadable', file: SpoolFile): void {
  const { cameraId } = file;
  // Of a damaged inode nobody can say since when it is there.
  if (file.isUnreadable === true && level === 'quarantine') return;
  const isReason = file.path.endsWith(reasonEnding);
  const isAsked = file.path.endsWith(askedEnding);
  const at = without(without(file.path, reasonEnding), askedEnding);
  const one = kept.get(at) ?? {
    cameraId,
    kind: level === 'unreadable' && at.endsWith(damagedEnding) ? 'damaged' : level,
    path: null,
    name: nameOf(path.basename(at), level, cameraId),
    isAsked: false,
    bytes: 0,
    diskBytes: 0,
    sinceMs: 0,
    reasonPath: null,
  };
  if (isReason) one.reasonPath = file.path;
  else Object.assign(one, { path: file.path, isAsked, bytes: file.bytes });
  one.diskBytes += file.diskBytes;
  // The file's own time is when it was written, or by a clock that may be wrong.
  if (isReason || one.reasonPath === null) one.sinceMs = file.modifiedMs;
  kept.set(at, one);
}

function without(text: string, ending: string): string {
  return text.endsWith(ending) ? text.slice(0, -ending.length) : text;
}

/** In quarantine the name of the folder that a file came from comes first, its camera's where it was closed. */
function nameOf(found: string, level: 'quarantine' | 'unreadable', cameraId: string): SegmentName | null {
  const prefix = level === 'quarantine' ? `${cameraId}-` : '';
  if (!found.startsWith(prefix)) return null;
  const parsed = parseSegmentFileName(without(found.slice(prefix.length), damagedEnding));
  return parsed === null || parsed.sha256 !== null ? null : parsed.name;
}

/** Why a file cannot be committed again on an operator's word; null = it can. */
export function whyNotAgain({ kind, name, path: filePath }: KeptFile): string | null {
  if (kind === 'unreadable') return 'its disk does not give it back: each start of the recorder tries it again';
  if (kind === 'damaged') return 'what of it is whole is stored: the rest is for a person';
  if (filePath === null) return 'only its reason is there';
  return name === null ? 'its name does not say where it belongs: it was never a closed file, or is stored' : null;
}

/** Has the recorder of this spool commit a file again, within seconds, or when it starts. @throws errors of the file system */
export async function askAgain({ path: filePath, isAsked }: KeptFile): Promise<void> {
  if (filePath === null || isAsked) return;
  await rename(filePath, `${filePath}${askedEnding}`);
  await syncFolder(path.dirname(filePath));
}

/**
 * Takes a file back to `closed/` that was asked for.
 * @returns null where there is nothing to take, or one with its name is there just now
 * @throws errors of the file system; it may be repeated
 */
export async function takeBack(spoolDir: string, kept: KeptFile): Promise<ClosedFile | null> {
  const { cameraId, name, path: from, reasonPath } = kept;
  if (!kept.isAsked || from === null || name === null || whyNotAgain(kept) !== null) return null;
  const folder = path.join(spoolDir, 'closed', cameraId);
  await makeFolder(folder);
  const { filesOf } = createSpoolFolders();
  const target = path.join(folder, segmentFileName(name));
  if ((await filesOf(folder, cameraId)).some((file) => file.path === target)) return null;
  if (reasonPath !== null) await rm(reasonPath, { force: true });
  try {
    await renameDurably(from, target);
  } catch (error) {
    if (isMissingFile(error)) return null; // removed by hand, or with its camera
    throw error;
  }
  return { cameraId, path: target, name };
}

/** Removes a file with its reason. @throws errors of the file system */
export async function removeKept({ path: filePath, reasonPath }: KeptFile): Promise<void> {
  for (const one of [filePath, reasonPath]) if (one !== null) await rm(one, { force: true });
}

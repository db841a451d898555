import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'vitest';
import { createLogger } from '../../log.ts';
import { noFailpoint, type Failpoint } from '../../recorder/failpoint.ts';
import { createQuarantine } from '../../recorder/quarantine.ts';
import type { ClosedFile } from '../../recorder/run-files.ts';
import type { SalvageDeps } from '../../recorder/salvage.ts';
import { segmentFileName } from '../../recorder/segment-name.ts';
import { createUnreadable, type Unreadable } from '../../recorder/unreadable.ts';
import { openSpool, type Spool } from '../../storage/spool.ts';
import { makeFolder, recordMade } from '../media/footage.ts';
import { breakFiles } from '../support/broken-files.ts';

const log = createLogger({ level: 'silent', name: 'test' });
export const startMs = Date.UTC(2026, 0, 1);
/** A file is given up at its third failure. */
export const tries = 3;
let folder: Awaited<ReturnType<typeof makeFolder>>;
/** Three files of 4 s. */
let footage: string[];

/** Once a test file: the footage that its hosts' spools get. */
export async function makeFootage(): Promise<{ files: number; remove: () => Promise<void> }> {
  folder = await makeFolder();
  footage = await recordMade(folder.path, 'footage');
  return { files: footage.length, remove: folder.remove };
}

/** A process with a spool, and what was told of the files in it. */
export interface Host {
  cameraId: string;
  spool: Spool;
  unreadable: Unreadable;
  aside: { file: ClosedFile; why: string }[];
  back: ClosedFile[];
  closed: ClosedFile[];
  salvage: SalvageDeps;
  left: string[];
  /** In quarantine. */
  spoilt: Parameters<SalvageDeps['quarantine']>[0][];
  /** By how much the host's own clock is behind. */
  clock: { offMs: number };
}

/** The spool of a process, and what deals with unreadable files in it. */
export async function startHost(
  dir = path.join(folder.path, randomUUID()),
  cameraId: string = randomUUID(),
  failpoint: Failpoint = noFailpoint,
): Promise<Host> {
  const spool = await openSpool({ dir, maxBytes: 1e9 });
  const aside: Host['aside'] = [];
  const back: ClosedFile[] = [];
  const closed: ClosedFile[] = [];
  const left: string[] = [];
  const spoilt: Host['spoilt'] = [];
  const clock = { offMs: 0 };
  const unreadable = createUnreadable({
    spool,
    onAside: (file, why) => aside.push({ file, why }),
    onBack: (file) => back.push(file),
    patienceMs: 0,
    log,
    failpoint,
  });
  const salvage: SalvageDeps = {
    spool,
    async quarantine(file, why) {
      await createQuarantine({ spoolDir: dir, now: Date.now })(file.cameraId, file.path, why);
      spoilt.push(file);
    },
    unreadable,
    limits: { maxDurationMs: 60_000 },
    onClosed: (file) => closed.push(file),
    onLeft: (_camera, run) => left.push(run),
    now: () => Date.now() + clock.offMs,
    log,
    failpoint,
  };
  return { cameraId, spool, unreadable, aside, back, closed, salvage, left, spoilt, clock };
}

/** The n-th file of the footage in `closed/`. */
export async function putClosed({ spool, cameraId }: Host, n: number): Promise<ClosedFile> {
  const name = { startMs: startMs + n * 4000, durationMs: 4000, epoch: 1, anchor: n === 0 };
  const target = path.join(spool.dir, 'closed', cameraId, segmentFileName(name));
  await mkdir(path.dirname(target), { recursive: true });
  await copyFile(footage[n] ?? '', target);
  return { cameraId, path: target, name };
}

/** All of the footage as a killed recorder leaves it. @returns the run's folder */
export async function putRun({ spool, cameraId }: Host, run: string): Promise<string> {
  const dir = await spool.openRun(cameraId, run);
  for (const [n, file] of footage.entries()) await copyFile(file, path.join(dir, `${n}.mp4`));
  return dir;
}

/** Commits a file that cannot be read, as often as it takes. */
export async function giveUp({ unreadable }: Host, file: ClosedFile): Promise<void> {
  for (let i = 1; i < tries; i += 1)
    await expect(unreadable.committing(file, () => readAll(file))).rejects.toThrow(/EIO|EISDIR|error -74/);
  expect(await unreadable.committing(file, () => readAll(file))).toEqual({ kind: 'unreadable' });
}

async function readAll(file: ClosedFile): Promise<never> {
  await readFile(file.path);
  throw new Error('the file can be read');
}

/** A file that lies in `unreadable/`, since another process found it so. */
export async function putAside(host: Host, n: number): Promise<ClosedFile> {
  return moveAside(host, await putClosed(host, n));
}

/** @returns the file where it lies then */
export async function moveAside(host: Host, file: ClosedFile): Promise<ClosedFile> {
  const mend = breakFiles((at) => at === file.path, ['readFile', 'open']);
  try {
    await giveUp(await startHost(host.spool.dir, host.cameraId), file);
  } finally {
    mend();
  }
  return { ...file, path: path.join(host.spool.dir, 'unreadable', file.cameraId, path.basename(file.path)) };
}

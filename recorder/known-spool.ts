import { createHash } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { errorText } from '../errors.ts';
import type { Logger } from '../log.ts';
import { readIfThere, writeDurably } from '../storage/durable-file.ts';
import { openSpool, spoolHostId, type Spool } from '../storage/spool.ts';
import { codeOf } from './error-code.ts';

/** The spool that this host has recorded into is not where it was. */
export class SpoolMissingError extends Error {
  override name = 'SpoolMissingError';
  /** Whose spool it is; null = the memory does not say. */
  readonly hostId: string | null;

  constructor(message: string, hostId: string | null) {
    super(message);
    this.hostId = hostId;
  }
}

/** What the file of a memory says, and its name too: whatever the disk does to its text, the name is there. */
const memoryText = z.object({ dir: z.string(), hostId: z.uuid() });

/**
 * Opens this host's spool, and remembers in the data folder that it has one there: a folder without a spool then means
 * that its disk is not mounted. A new spool on the disk below would fill that, and hide what waits on the right one. So it
 * is where a known spool's disk answers with an error, and where nobody can say whether a spool is known.
 * Where the memory cannot be written, that is logged, and recording goes on without this protection.
 * @throws SpoolMissingError where the spool is known and not there; other errors where it cannot be used
 */
export async function openKnownSpool(
  options: { dir: string; maxBytes: number; dataDir: string },
  log: Logger,
): Promise<Spool> {
  const { dir, maxBytes } = options;
  const folder = path.join(options.dataDir, 'spools');
  const memories = await memoriesOf(folder, dir, log);
  if (memories.length > 0) await expectSpool(dir, memories);
  const spool = await openSpool({
    dir,
    maxBytes,
    expectExisting: memories.length > 0,
    onUnreadable: (at, error) =>
      log.error({ path: at, cause: errorText(error) }, 'the disk of the spool is damaged here'),
  });
  const memory = path.join(folder, `${nameOf(dir)}-${spool.hostId}.json`);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeDurably(memory, `${JSON.stringify({ dir, hostId: spool.hostId })}\n`);
    for (const { file } of memories) if (file !== memory && file !== folder) await rm(file, { force: true });
  } catch (error) {
    const cause = errorText(error);
    log.warn({ memory, cause }, 'a spool that is not mounted will not be noticed at the next start');
  }
  return spool;
}

interface Memory {
  file: string;
  /** Null = the disk of the data folder does not give it back. */
  hostId: string | null;
}

/** @throws SpoolMissingError where there is none, or its disk answers with an error */
async function expectSpool(dir: string, memories: readonly Memory[]): Promise<void> {
  let why = 'is not there';
  try {
    if ((await spoolHostId(dir)) !== null) return;
  } catch (error) {
    why = `cannot be read (${errorText(error)})`;
  }
  throw new SpoolMissingError(
    `The spool ${dir}, which this host has recorded into, ${why}: mount its disk, and recording begins by ` +
      `itself. If it is gone for good, with what was not stored yet, remove ${memories.map(({ file }) => file).join(', ')}.`,
    memories.find(({ hostId }) => hostId !== null)?.hostId ?? null,
  );
}

/** What is remembered of a spool; the folder itself where it cannot be listed: then there may be something. */
async function memoriesOf(folder: string, dir: string, log: Logger): Promise<Memory[]> {
  const name = nameOf(dir);
  let found: string[];
  try {
    found = await readdir(folder);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    log.error({ folder, cause: errorText(error) }, 'which spools this host has used cannot be read');
    return [{ file: folder, hostId: null }];
  }
  const own = found.filter((file) => file.startsWith(name) && file.endsWith('.json'));
  return Promise.all(
    own.map(async (file) => {
      const named = file.slice(name.length + 1, -'.json'.length);
      const filePath = path.join(folder, file);
      return { file: filePath, hostId: z.uuid().safeParse(named).data ?? (await hostIdIn(filePath)) };
    }),
  );
}

/** Of a memory whose name does not say it, as they were before. Null for one that is cut off or cannot be read. */
async function hostIdIn(filePath: string): Promise<string | null> {
  try {
    return memoryText.parse(JSON.parse((await readIfThere(filePath)) ?? '')).hostId;
  } catch {
    return null;
  }
}

/** A hash, since a path is no file name. */
function nameOf(dir: string): string {
  return createHash('sha256').update(dir).digest('hex').slice(0, 16);
}

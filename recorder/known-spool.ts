import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { errorText } from '../errors.ts';
import type { Logger } from '../log.ts';
import { readIfThere, writeDurably } from '../storage/durable-file.ts';
import { openSpool, spoolHostId, type Spool } from '../storage/spool.ts';

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

/** What the data folder remembers of a spool. */
const memoryText = z.object({ dir: z.string(), hostId: z.uuid() });

/**
 * Opens this host's spool, and remembers in the data folder that it has one there: a folder without a spool then means
 * that its disk is not mounted. A new spool on the disk below would fill that, and hide what waits on the right one.
 * Where the memory cannot be written, that is logged, and recording goes on without this protection.
 * @throws SpoolMissingError where the spool is known and not there; other errors where it cannot be used
 */
export async function openKnownSpool(
  options: { dir: string; maxBytes: number; dataDir: string },
  log: Logger,
): Promise<Spool> {
  const { dir, maxBytes } = options;
  const memory = memoryOf(options.dataDir, dir);
  const remembered = await readIfThere(memory);
  const isKnown = remembered !== null;
  if (isKnown && (await spoolHostId(dir)) === null) {
    throw new SpoolMissingError(
      `The spool ${dir}, which this host has recorded into, is not there: mount its disk, and recording begins by ` +
        `itself. If it is gone for good, with what was not stored yet, remove ${memory}.`,
      hostIdIn(remembered),
    );
  }
  const spool = await openSpool({
    dir,
    maxBytes,
    expectExisting: isKnown,
    onUnreadable: (at, error) =>
      log.error({ path: at, cause: errorText(error) }, 'the disk of the spool is damaged here'),
  });
  try {
    await mkdir(path.dirname(memory), { recursive: true, mode: 0o700 });
    await writeDurably(memory, `${JSON.stringify({ dir, hostId: spool.hostId })}\n`);
  } catch (error) {
    const cause = errorText(error);
    log.warn({ memory, cause }, 'a spool that is not mounted will not be noticed at the next start');
  }
  return spool;
}

/** Null for a text that is cut off or no memory. */
function hostIdIn(text: string): string | null {
  try {
    return memoryText.parse(JSON.parse(text)).hostId;
  } catch {
    return null;
  }
}

/** Named by a hash, since a path is no file name. */
function memoryOf(dataDir: string, dir: string): string {
  const name = createHash('sha256').update(dir).digest('hex').slice(0, 16);
  return path.join(dataDir, 'spools', `${name}.json`);
}

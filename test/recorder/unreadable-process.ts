import { breakFiles } from '../support/broken-files.ts';
import { giveUp, startHost, type Host } from './unreadable-host.ts';
import type { ClosedFile } from '../../recorder/run-files.ts';
import { dieStanding, givenWork } from '../support/killed-process.ts';

/** What a recorder is to do with one spool. */
export interface UnreadableWork {
  dir: string;
  cameraId: string;
  /** The disk does not give this one back, which is committed; null = what is aside is tried again. */
  file: ClosedFile | null;
  /** Where it stands when its process is killed. */
  killAt: string;
}

async function carryOut({ file }: UnreadableWork, host: Host): Promise<void> {
  if (file === null) return host.unreadable.tryAgain();
  breakFiles((at) => at.startsWith(host.spool.dir) && at.endsWith('.mp4'), ['readFile', 'open']);
  await giveUp(host, file);
}

// A recorder's dealing with files of its disk that cannot be read, in a process of its own, to be killed.
await dieStanding(givenWork<UnreadableWork[]>(), async (work, failpoint) =>
  carryOut(work, await startHost(work.dir, work.cameraId, failpoint)),
);

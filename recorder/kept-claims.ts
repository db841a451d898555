import { rm } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { gapEvidence } from '../db/gaps.ts';
import type { GapEvidence } from '../domain/gaps.ts';
import { gapReasons, type GapReason } from '../domain/gap-reason.ts';
import type { Logger } from '../log.ts';
import { readIfThere, writeDurably } from '../storage/durable-file.ts';
import { createSpoolFolders } from '../storage/spool-folders.ts';
import { createFailedTries } from './failed-tries.ts';

/** Why footage of a time that is over is missing. */
export interface PastClaim {
  /** Null = from where the catalogue's footage ends. */
  startMs: number | null;
  endMs: number;
  reason: GapReason;
  evidence: GapEvidence;
  /** Footage followed it: whatever is open since before its end ended with it. */
  isRecovered: boolean;
}

const pastClaims: z.ZodType<PastClaim[]> = z.array(
  z.object({
    startMs: z.number().nullable(),
    endMs: z.number(),
    reason: z.enum(gapReasons),
    evidence: gapEvidence,
    isRecovered: z.boolean(),
  }),
);

/**
 * What the catalogue has not been told while it is away, in `claims/<camera>.json` of the spool: a recorder that is
 * killed then would leave holes in its backlog that nobody can explain.
 */
export interface KeptClaims {
  /**
   * Keeps a claim until it is written.
   * @param claim asked for when it is saved
   * @returns to be called when it is written
   */
  until(cameraId: string, claim: () => PastClaim): () => void;
  /** What a process before has left; it stays on the disk until it is kept again, and then is written. */
  left(): Promise<Map<string, PastClaim[]>>;
  /** Saves what waits, at the end of the process. */
  stop(): Promise<void>;
}

/** A catalogue that is there takes a claim within ms: no file is made for those. */
const patienceMs = 1000;
/** Of a camera that flaps for days the newest ones are kept; each has some 300 bytes. */
const keptAtMost = 1000;

/** @param spoolDir the claims go to its folder `claims/`, which is not made here: its disk may be unmounted */
export function createKeptClaims(spoolDir: string, log: Logger): KeptClaims {
  const dir = path.join(spoolDir, 'claims');
  const fileOf = (cameraId: string): string => path.join(dir, `${cameraId}.json`);
  const waiting = new Map<string, Set<() => PastClaim>>();
  const saved = new Set<string>();
  const timers = new Set<NodeJS.Timeout>();
  /** By camera: two writes of one file at once would share its draft. */
  const lanes = new Map<string, Promise<void>>();
  const tries = createFailedTries({ log, what: 'claims on missing footage could not be saved' });

  async function write(cameraId: string): Promise<void> {
    const claims = [...(waiting.get(cameraId) ?? [])].slice(-keptAtMost).map((claim) => claim());
    if (claims.length === 0) {
      await rm(fileOf(cameraId), { force: true });
      saved.delete(cameraId);
      return;
    }
    saved.add(cameraId);
    await writeDurably(fileOf(cameraId), JSON.stringify(claims));
  }

  function save(cameraId: string): Promise<void> {
    const turn = (lanes.get(cameraId) ?? Promise.resolve())
      .then(() => write(cameraId))
      .catch((error: unknown) => tries.failed({ cameraId }, error));
    lanes.set(cameraId, turn);
    return turn;
  }

  return {
    until(cameraId, claim) {
      const claims = waiting.get(cameraId) ?? new Set();
      waiting.set(cameraId, claims.add(claim));
      const timer = setTimeout(() => {
        timers.delete(timer);
        void save(cameraId);
      }, patienceMs);
      timers.add(timer.unref());
      return () => {
        clearTimeout(timer);
        timers.delete(timer);
        claims.delete(claim);
        if (saved.has(cameraId)) void save(cameraId);
      };
    },
    async left() {
      const found = new Map<string, PastClaim[]>();
      const { filesOf } = createSpoolFolders();
      for (const { name } of await filesOf(dir, '')) {
        const cameraId = path.basename(name, '.json');
        if (`${cameraId}.json` !== name) continue;
        try {
          found.set(cameraId, pastClaims.parse(JSON.parse((await readIfThere(fileOf(cameraId))) ?? '[]')));
          saved.add(cameraId);
        } catch (error) {
          log.error({ cameraId, err: error }, 'kept claims on missing footage cannot be read');
        }
      }
      return found;
    },
    async stop() {
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
      const left = [...waiting].filter(([cameraId, { size }]) => size > 0 || saved.has(cameraId));
      await Promise.all(left.map(([cameraId]) => save(cameraId)));
    },
  };
}

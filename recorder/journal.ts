import { z } from 'zod';
import { cameraTiers } from '../domain/camera.ts';
import { profileModes, type ProfileSpec } from '../domain/profile.ts';
import type { Logger } from '../log.ts';
import type { Spool } from '../storage/spool.ts';

/**
 * What this host records: enough to go on after a restart while Postgres and Temporal are away.
 * The URL stays sealed.
 */
export interface Assignment {
  cameraId: string;
  tenantId: string;
  epoch: number;
  sealedUrl: string;
  /** A second, smaller stream of the camera, recorded in place of the main one where its profile can keep it as it is. */
  substream: {
    sealedUrl: string;
    profile: ProfileSpec;
    /** Null = not decided yet. */
    use: boolean | null;
  } | null;
  configVersion: number;
  tier: (typeof cameraTiers)[number];
  audio: 'none' | 'aac';
  /** What the last probe or SDP said; null = not known yet. */
  stream: { codec: 'h264' | 'hevc'; audioCodec: string | null } | null;
  /**
   * What is added to a clock that is never set to know the time of the archive, and the boot which that clock counts
   * from: a break over a restart lasts as long in the archive as it did. Null = no file was closed yet.
   */
  archiveClock: { bootId: string; offsetMs: number } | null;
  /** Set when the process stopped in order; a restart without it was a crash. */
  stoppedAtMs: number | null;
}

const assignment = z.object({
  cameraId: z.uuid(),
  tenantId: z.uuid(),
  epoch: z.number().int(),
  sealedUrl: z.string(),
  substream: z
    .object({
      sealedUrl: z.string(),
      profile: z.object({
        mode: z.enum(profileModes),
        height: z.number().nullable(),
        fps: z.number().nullable(),
        bitrateKbps: z.number().nullable(),
        audio: z.enum(['none', 'aac']),
        hevc: z.boolean().default(false),
      }),
      use: z.boolean().nullable(),
    })
    .nullable()
    .default(null), // journals of before know none
  configVersion: z.number().int(),
  tier: z.enum(cameraTiers),
  audio: z.enum(['none', 'aac']),
  stream: z.object({ codec: z.enum(['h264', 'hevc']), audioCodec: z.string().nullable() }).nullable(),
  archiveClock: z.object({ bootId: z.string(), offsetMs: z.number() }).nullable().default(null), // nor this
  stoppedAtMs: z.number().nullable(),
}) satisfies z.ZodType<Assignment>;

export interface Journal {
  /** From now on the camera's assignment is this object. Durable when it resolves; a camera's writes follow each other. */
  write(entry: Assignment): Promise<void>;
  /**
   * Writes what has changed of an assignment. One that another has replaced says nothing any more: a recording that ends
   * late would bring back a camera's old URL.
   */
  update(entry: Assignment): Promise<void>;
  /** Takes an assignment away, unless another has replaced it. */
  end(entry: Assignment): Promise<void>;
  remove(cameraId: string): Promise<void>;
  /** All assignments; a file that is not one is reported and left alone. */
  read(): Promise<Assignment[]>;
}

export function openJournal(spool: Spool, log: Logger): Journal {
  const lanes = new Map<string, Promise<void>>();
  /** By camera, the assignment that was written last. */
  const newest = new Map<string, Assignment>();

  /** Two writes of one file at once would share its draft. */
  function inOrder(cameraId: string, work: () => Promise<void>): Promise<void> {
    const turn = (lanes.get(cameraId) ?? Promise.resolve()).then(work, work);
    lanes.set(cameraId, turn);
    return turn;
  }

  const save = (entry: Assignment): Promise<void> =>
    inOrder(entry.cameraId, () => spool.writeJournal(entry.cameraId, JSON.stringify(entry)));

  function remove(cameraId: string): Promise<void> {
    newest.delete(cameraId);
    return inOrder(cameraId, () => spool.removeJournal(cameraId));
  }

  return {
    write(entry) {
      newest.set(entry.cameraId, entry);
      return save(entry);
    },
    async update(entry) {
      if (newest.get(entry.cameraId) === entry) await save(entry);
    },
    async end(entry) {
      if (newest.get(entry.cameraId) === entry) await remove(entry.cameraId);
    },
    remove,
    async read() {
      const entries: Assignment[] = [];
      for (const name of await spool.journalNames()) {
        try {
          const text = await spool.readJournal(name);
          if (text !== null) entries.push(assignment.parse(JSON.parse(text)));
        } catch (error) {
          log.error({ name, err: error }, 'unreadable assignment in the journal; its camera is not resumed');
        }
      }
      return entries;
    },
  };
}

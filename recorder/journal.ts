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
  stoppedAtMs: z.number().nullable(),
}) satisfies z.ZodType<Assignment>;

export interface Journal {
  /** Durable when it resolves. Writes of one camera follow each other. */
  write(entry: Assignment): Promise<void>;
  remove(cameraId: string): Promise<void>;
  /** All assignments; a file that is not one is reported and left alone. */
  read(): Promise<Assignment[]>;
}

export function openJournal(spool: Spool, log: Logger): Journal {
  const lanes = new Map<string, Promise<void>>();

  /** Two writes of one file at once would share its draft. */
  function inOrder(cameraId: string, work: () => Promise<void>): Promise<void> {
    const turn = (lanes.get(cameraId) ?? Promise.resolve()).then(work, work);
    lanes.set(cameraId, turn);
    return turn;
  }

  return {
    write: (entry) => inOrder(entry.cameraId, () => spool.writeJournal(entry.cameraId, JSON.stringify(entry))),
    remove: (cameraId) => inOrder(cameraId, () => spool.removeJournal(cameraId)),
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

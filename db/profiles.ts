import { z } from 'zod';
import { many, maybeOne, one, type Db } from './sql.ts';

/** What is kept of a camera's stream; null = as the camera sends it. */
export interface Profile {
  id: string;
  name: string;
  mode: 'auto' | 'copy' | 'encode';
  height: number | null;
  fps: number | null;
  bitrateKbps: number | null;
  audio: 'none' | 'aac';
  durable: 'source' | 'final';
}

/** A row of `profile`. */
export const profileRow = z
  .object({
    public_id: z.string(),
    name: z.string(),
    mode: z.enum(['auto', 'copy', 'encode']),
    height: z.number().nullable(),
    fps: z.number().nullable(),
    bitrate_kbps: z.number().nullable(),
    audio: z.enum(['none', 'aac']),
    durable: z.enum(['source', 'final']),
  })
  .transform(({ public_id, bitrate_kbps, ...row }): Profile => ({ ...row, id: public_id, bitrateKbps: bitrate_kbps }));

const columns = 'public_id, name, mode, height, fps, bitrate_kbps, audio, durable';

/** All profiles, oldest first: there are a handful. */
export function listProfiles(db: Db): Promise<Profile[]> {
  return many(db, profileRow, `select ${columns} from profile order by id`, []);
}

/** The profile with this public id, or null. */
export function profileById(db: Db, profileId: string): Promise<Profile | null> {
  return maybeOne(db, profileRow, `select ${columns} from profile where public_id = $1`, [profileId]);
}

/** The profile of a camera that names none: `original`, a plain copy. */
export function defaultProfile(db: Db): Promise<Profile> {
  return one(db, profileRow, `select ${columns} from profile where name = 'original'`, []);
}

import { z } from 'zod';
import { profileModes, type ProfileSpec } from '../domain/profile.ts';
import { AppError } from '../errors.ts';
import { many, maybeOne, one, violatedUnique, type Db } from './sql.ts';

/** What is kept of a camera's stream, and when it is made. */
export interface Profile extends ProfileSpec {
  id: string;
  name: string;
  durable: 'source' | 'final';
  hevc: boolean;
  /** Its finish jobs wait for the cheap tariff, */
  canWait: boolean;
  /** yet no longer than this after the end of the footage. */
  waitHours: number;
}

/** A row of `profile`. */
export const profileRow = z
  .object({
    public_id: z.string(),
    name: z.string(),
    mode: z.enum(profileModes),
    height: z.number().nullable(),
    fps: z.number().nullable(),
    bitrate_kbps: z.number().nullable(),
    audio: z.enum(['none', 'aac']),
    durable: z.enum(['source', 'final']),
    hevc: z.boolean(),
    can_wait: z.boolean(),
    wait_hours: z.number(),
  })
  .transform(({ public_id, bitrate_kbps, can_wait, wait_hours, ...row }): Profile => ({
    ...row,
    id: public_id,
    bitrateKbps: bitrate_kbps,
    canWait: can_wait,
    waitHours: wait_hours,
  }));

const columns = 'public_id, name, mode, height, fps, bitrate_kbps, audio, durable, hevc, can_wait, wait_hours';

/** All profiles, oldest first: there are a handful. */
export function listProfiles(db: Db): Promise<Profile[]> {
  return many(db, profileRow, `select ${columns} from profile order by id`, []);
}

/** The profile with this public id, or null. */
export function profileById(db: Db, profileId: string): Promise<Profile | null> {
  return maybeOne(db, profileRow, `select ${columns} from profile where public_id = $1`, [profileId]);
}

/** The name of the profile of a camera that names none; it cannot be deleted. */
const defaultName = 'standard';

/** The profile of a camera that names none: `standard`, 720p at 10 fps and 1 Mbit/s, copied where the stream fits. */
export function defaultProfile(db: Db): Promise<Profile> {
  return one(db, profileRow, `select ${columns} from profile where name = $1`, [defaultName]);
}

function profileValues(profile: Omit<Profile, 'id'>): unknown[] {
  return [
    profile.name,
    profile.mode,
    profile.height,
    profile.fps,
    profile.bitrateKbps,
    profile.audio,
    profile.durable,
    profile.hevc,
    profile.canWait,
    profile.waitHours,
  ];
}

function asNameTaken(error: unknown, name: string): unknown {
  return violatedUnique(error) === 'profile_name_key'
    ? new AppError('name-taken', `There is a profile named "${name}" already.`)
    : error;
}

/** Makes a profile. @throws AppError name-taken */
export function insertProfile(db: Db, profile: Omit<Profile, 'id'>): Promise<Profile> {
  return one(
    db,
    profileRow,
    `insert into profile (name, mode, height, fps, bitrate_kbps, audio, durable, hevc, can_wait, wait_hours)
     values ($1::text, $2::text, $3::int, $4::int, $5::int, $6::text, $7::text, $8::boolean, $9::boolean, $10::int)
     returning ${columns}`,
    profileValues(profile),
  ).catch((error: unknown) => {
    throw asNameTaken(error, profile.name);
  });
}

/**
 * Changes a profile for windows that are finished from now on. The sound is what recorders apply, so it stays while
 * cameras have the profile.
 * @throws AppError not-found, name-taken, wrong-state
 */
export async function updateProfile(db: Db, profile: Profile): Promise<Profile> {
  const updated = await maybeOne(
    db,
    profileRow,
    `update profile p set name = $2::text, mode = $3::text, height = $4::int, fps = $5::int, bitrate_kbps = $6::int,
       audio = $7::text, durable = $8::text, hevc = $9::boolean, can_wait = $10::boolean, wait_hours = $11::int
     where public_id = $1::uuid
       and (audio = $7::text or not exists (select from camera c where c.profile_id = p.id))
     returning ${columns}`,
    [profile.id, ...profileValues(profile)],
  ).catch((error: unknown) => {
    throw asNameTaken(error, profile.name);
  });
  if (updated !== null) {
    // What was decided by the old rules is decided anew with the next window.
    await db.query(
      `update camera set finish_profile_id = null, finish_action = null, finish_reason = null
       where finish_profile_id = (select id from profile where public_id = $1::uuid)`,
      [profile.id],
    );
    return updated;
  }
  if ((await profileById(db, profile.id)) === null) throw new AppError('not-found', 'There is no such profile.');
  throw new AppError('wrong-state', 'Cameras record with this profile, so its sound cannot change; make another one.');
}

/** Deletes a profile that no camera and no bulk job has. @throws AppError not-found, wrong-state */
export async function deleteProfile(db: Db, profileId: string): Promise<void> {
  const { rowCount } = await db.query(
    `delete from profile p where public_id = $1::uuid and name <> $2::text
       and not exists (select from camera c where c.profile_id = p.id)
       and not exists (select from reencode r where r.profile_id = p.id)`,
    [profileId, defaultName],
  );
  if (rowCount === 1) return;
  if ((await profileById(db, profileId)) === null) throw new AppError('not-found', 'There is no such profile.');
  throw new AppError('wrong-state', 'This profile is in use, or it is the one new cameras get.');
}

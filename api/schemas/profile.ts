import { z } from 'zod';
import type { Profile } from '../../db/profiles.ts';
import { profileModes } from '../../domain/profile.ts';
import { displayName, pageOf, uuid } from './common.ts';

const height = z.number().int().min(64).max(4320).nullable().describe('Pixels at most; null = as the camera sends it.');
const fps = z.number().int().min(1).max(120).nullable().describe('At most; null = as the camera sends it.');
const bitrateKbps = z.number().int().min(64).max(100_000).nullable();
const audio = z.enum(['none', 'aac']).describe('Applied while recording.');
const mode = z
  .enum(profileModes)
  .describe('`copy` keeps the stream, `encode` never does, `auto` keeps it where it fits.');
const durable = z
  .enum(['source', 'final'])
  .describe('`final`: only what finishing makes of it is stored; until then it waits on its recorder.');
const hevc = z.boolean().describe('H.265 may stay H.265, which not every browser plays.');
const canWait = z.boolean().describe('Its finish jobs wait for the cheap tariff.');
const waitHours = z.number().int().min(0).max(720).describe('But no longer than this.');

export const profileSchema = z
  .object({ id: uuid, name: z.string(), mode, height, fps, bitrateKbps, audio, durable, hevc, canWait, waitHours })
  .meta({ id: 'Profile' }) satisfies z.ZodType<Profile>;
export const profileList = pageOf(profileSchema);

export const profileBody = z
  .strictObject({
    name: displayName,
    mode: mode.default('auto'),
    height: height.default(null),
    fps: fps.default(null),
    bitrateKbps: bitrateKbps.default(null),
    audio: audio.default('none'),
    durable: durable.default('source'),
    hevc: hevc.default(false),
    canWait: canWait.default(false),
    waitHours: waitHours.default(24),
  })
  .meta({ id: 'NewProfile' });

export const profileChangeBody = z
  .strictObject({
    name: displayName.optional(),
    mode: mode.optional(),
    height: height.optional(),
    fps: fps.optional(),
    bitrateKbps: bitrateKbps.optional(),
    audio: audio.optional(),
    durable: durable.optional(),
    hevc: hevc.optional(),
    canWait: canWait.optional(),
    waitHours: waitHours.optional(),
  })
  .refine((body) => Object.keys(body).length > 0, 'must name at least one field to change')
  .meta({ id: 'ProfileChange' });

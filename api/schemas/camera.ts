import { z } from 'zod';
import { cameraIntents, cameraStates, cameraTiers, type Camera } from '../../domain/camera.ts';
import { displayName, isoTime, isoTimeOrNull, pageOf, pageQuery, timeOut, uuid } from './common.ts';
import { amounts } from './retention.ts';

export const cameraSchema = z
  .object({
    id: uuid,
    tenantId: uuid,
    siteId: uuid.nullable(),
    name: z.string(),
    urlRedacted: z.string().describe('The RTSP URL without its login.'),
    substreamUrlRedacted: z.string().nullable().describe('The same of its second stream; null = none is named.'),
    tier: z.enum(cameraTiers),
    profileId: uuid,
    retentionDays: z.number().int(),
    intent: z.enum(cameraIntents).describe('What was asked for; `state` follows it.'),
    configVersion: z.number().int(),
    state: z.enum(cameraStates),
    stateReason: z.string().nullable(),
    stateSince: timeOut,
    stateDetail: z.string().nullable().describe('What went wrong last, in a sentence, while there is no footage.'),
    lastSegmentEndAt: timeOut.nullable().describe('End of the newest committed footage.'),
    createdAt: timeOut,
    retiredAt: timeOut.nullable(),
    graceEndsAt: timeOut.nullable(),
    finish: z
      .object({ action: z.enum(['copy', 'encode', 'undecided']), reason: z.string() })
      .nullable()
      .describe('What the profile makes of its stream, and why; null until its first window is finished.'),
  })
  .meta({ id: 'Camera' });
export type CameraAnswer = z.infer<typeof cameraSchema>;

export const changedCameraSchema = cameraSchema
  .extend({
    deletes: z
      .object(amounts)
      .optional()
      .describe('Where `retentionDays` is given: what that deletes when it takes effect; 0 for a longer one.'),
  })
  .meta({ id: 'ChangedCamera' });

/** A camera as the API shows it. */
export function cameraAnswer(camera: Camera): CameraAnswer {
  return {
    id: camera.id,
    tenantId: camera.tenantId,
    siteId: null,
    name: camera.name,
    urlRedacted: camera.urlRedacted,
    substreamUrlRedacted: camera.substreamUrlRedacted,
    tier: camera.tier,
    profileId: camera.profileId,
    retentionDays: camera.retentionDays,
    intent: camera.intent,
    configVersion: camera.configVersion,
    state: camera.state,
    stateReason: camera.stateReason,
    stateSince: isoTime(camera.stateSinceMs),
    stateDetail: camera.stateDetail,
    lastSegmentEndAt: isoTimeOrNull(camera.lastSegmentEndMs),
    createdAt: isoTime(camera.createdAtMs),
    retiredAt: isoTimeOrNull(camera.retiredAtMs),
    graceEndsAt: isoTimeOrNull(camera.graceEndsAtMs),
    finish: camera.finish,
  };
}

/** Its form is checked by `checkCameraUrl`, which can say what is wrong; it is never echoed, since it holds a login. */
const cameraUrl = z.string().min(1, 'must not be empty').max(2000, 'must be at most 2000 characters');
const retentionDays = z.number().int().min(1).max(366);

export const cameraBody = z
  .strictObject({
    name: displayName,
    url: cameraUrl.describe('rtsp:// or rtsps:// with the camera login in it; stored sealed, never shown again.'),
    substreamUrl: cameraUrl
      .optional()
      .describe(
        'A second, smaller stream; recorded in place of the main one where the profile needs no encoder for it.',
      ),
    tenantId: uuid.optional(),
    siteId: z.null('sites are not available yet').optional(),
    tier: z.enum(cameraTiers).default('normal'),
    profileId: uuid.optional(),
    retentionDays: retentionDays.default(30),
  })
  .meta({ id: 'NewCamera' });

export const cameraChangeBody = z
  .strictObject({
    name: displayName.optional(),
    url: cameraUrl.optional(),
    substreamUrl: cameraUrl.nullable().optional().describe('Null takes it away.'),
    tier: z.enum(cameraTiers).optional(),
    profileId: uuid.optional(),
    retentionDays: retentionDays.optional(),
  })
  .refine((body) => Object.keys(body).length > 0, 'must name at least one field to change')
  .meta({ id: 'CameraChange' });

export const cameraListQuery = z.strictObject({ ...pageQuery, tenantId: uuid.optional() });
export const cameraList = pageOf(cameraSchema);

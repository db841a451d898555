import type { FastifyRequest } from 'fastify';
import type { Deed } from '../db/audit.ts';
import type { Camera } from '../domain/camera.ts';
import { callerOf } from './access.ts';

/** Who does it, and when: the first half of an entry for the audit log. */
export function doneBy(request: FastifyRequest, deps: { now: () => number }): Pick<Deed, 'atMs' | 'actor'> {
  const { kind, name } = callerOf(request);
  return { atMs: deps.now(), actor: `${kind}:${name}` };
}

/** What of a camera the audit log shows; its URL without the login. */
export function auditedCamera(camera: Camera): NonNullable<Deed['after']> {
  const { name, urlRedacted, substreamUrlRedacted, tier, profileId, retentionDays, intent, configVersion } = camera;
  const graceEndsAt = camera.graceEndsAtMs === null ? null : new Date(camera.graceEndsAtMs).toISOString();
  return {
    name,
    urlRedacted,
    substreamUrlRedacted,
    tier,
    profileId,
    retentionDays,
    intent,
    configVersion,
    graceEndsAt,
  };
}

/** The camera that an entry is about. */
export function aboutCamera(camera: Camera): Pick<Deed, 'tenantId' | 'cameraId'> {
  return { tenantId: camera.tenantId, cameraId: camera.id };
}

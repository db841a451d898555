import type { FastifyRequest } from 'fastify';
import type { Audited, DeedAbout } from '../db/audit.ts';
import type { CameraTerms } from '../db/retention.ts';
import type { Camera } from '../domain/camera.ts';
import { callerOf } from './access.ts';
import { isoTime, isoTimeOrNull } from './schemas/common.ts';

/** Who does it, and when: the first half of an entry for the audit log. */
export function doneBy(request: FastifyRequest, deps: { now: () => number }): Pick<DeedAbout, 'atMs' | 'actor'> {
  const { kind, name } = callerOf(request);
  return { atMs: deps.now(), actor: `${kind}:${name}` };
}

/** What of a camera the audit log shows; its URL without the login. */
export function auditedCamera(camera: Camera): Audited {
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
export function aboutCamera(camera: Camera): Pick<DeedAbout, 'tenantId' | 'cameraId'> {
  return { tenantId: camera.tenantId, cameraId: camera.id };
}

/** A change of how long footage is kept; `retention.undo`: all it did was to take back a shorter one that waited. */
export function retentionDeed(change: { before: CameraTerms; after: CameraTerms }) {
  const values = ({ days, next }: CameraTerms) => ({
    retentionDays: days,
    nextRetentionDays: next?.days ?? null,
    nextRetentionAt: isoTimeOrNull(next?.atMs ?? null),
    soonerRetentions: (next?.sooner ?? []).map((step) => ({ days: step.days, at: isoTime(step.atMs) })),
  });
  const { before, after } = change;
  const isUndone = before.next !== null && after.next === null && before.days === after.days;
  const { tenantId, cameraId } = before;
  const action = isUndone ? ('retention.undo' as const) : ('retention.change' as const);
  return { action, tenantId, cameraId, before: values(before), after: values(after) };
}

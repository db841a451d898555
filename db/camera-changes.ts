import { z } from 'zod';
import type { Camera, CameraIntent, CameraState } from '../domain/camera.ts';
import { AppError } from '../errors.ts';
import { asNameTaken, cameraByPublicId, noSuchCamera } from './cameras.ts';
import type { ChangeClocks } from './clock.ts';
import { claimHole, closeGap, openGap } from './gaps.ts';
import { notePause } from './retention.ts';
import { at, instant, maybeOne, type Db, type Transaction } from './sql.ts';

/** What may be changed of a camera; `undefined` = stays. */
export interface CameraChanges {
  name?: string | undefined;
  retentionDays?: number | undefined;
  tier?: Camera['tier'] | undefined;
  profileId?: string | undefined;
  url?: { sealedUrl: string; urlRedacted: string } | undefined;
  /** Null takes it away. */
  substream?: { sealedUrl: string; urlRedacted: string } | null | undefined;
}

/**
 * Changes a camera. What its recorder must take in (URLs, profile, tier) raises `configVersion`: then the caller sends
 * `reconfigure` with it.
 * @returns the camera, and the version to send or null
 * @throws AppError name-taken; not-found (camera or profile); wrong-state: a retired camera can only be renamed and
 * given another retention, and of one that is purged nothing changes: its name may have been taken out of the catalogue
 */
export async function updateCamera(
  db: Db,
  cameraId: string,
  changes: CameraChanges,
): Promise<{ camera: Camera; version: number | null }> {
  const reconfigures = [changes.url, changes.substream, changes.profileId, changes.tier].some(
    (change) => change !== undefined,
  );
  const changed = await maybeOne(
    db,
    z.object({ config_version: z.number() }),
    `update camera c set
       name = coalesce($2::text, c.name),
       retention_days = coalesce($3::int, c.retention_days),
       tier = coalesce($4::text, c.tier),
       profile_id = coalesce((select id from profile where public_id = $5::uuid), c.profile_id),
       sealed_url = coalesce($6::text, c.sealed_url),
       url_redacted = coalesce($7::text, c.url_redacted),
       sealed_substream_url = case when $9::boolean then $10::text else c.sealed_substream_url end,
       substream_url_redacted = case when $9::boolean then $11::text else c.substream_url_redacted end,
       config_version = c.config_version + $8::int
     where c.public_id = $1::uuid and (c.intent <> 'retired' or $8::int = 0) and c.status not in ('purging', 'purged')
       and ($5::uuid is null or exists (select from profile where public_id = $5::uuid))
     returning c.config_version`,
    [
      cameraId,
      changes.name ?? null,
      changes.retentionDays ?? null,
      changes.tier ?? null,
      changes.profileId ?? null,
      changes.url?.sealedUrl ?? null,
      changes.url?.urlRedacted ?? null,
      reconfigures ? 1 : 0,
      changes.substream !== undefined,
      changes.substream?.sealedUrl ?? null,
      changes.substream?.urlRedacted ?? null,
    ],
  ).catch((error: unknown) => {
    throw asNameTaken(error, changes.name ?? '');
  });
  const camera = await cameraByPublicId(db, cameraId);
  if (camera === null) throw noSuchCamera();
  if (changed !== null) return { camera, version: reconfigures ? changed.config_version : null };
  if (camera.state === 'purging' || camera.state === 'purged') {
    throw new AppError('wrong-state', 'The purge of this camera has begun; nothing of it can be changed any more.');
  }
  if (camera.intent === 'retired') {
    throw new AppError('wrong-state', 'A retired camera cannot be reconfigured; reactivate it first.');
  }
  throw new AppError('not-found', 'There is no such profile.');
}

export const intentActions = ['pause', 'resume', 'retire', 'reactivate'] as const;
/** What a customer can decide about a camera; the API's paths and the workflow's updates bear the same names. */
export type IntentAction = (typeof intentActions)[number];

const rules: Record<IntentAction, { from: CameraIntent[]; to: CameraIntent; state: CameraState; refusal: string }> = {
  pause: {
    from: ['record'],
    to: 'paused',
    state: 'paused',
    refusal: 'Only a camera that is meant to record can be paused',
  },
  resume: { from: ['paused'], to: 'record', state: 'connecting', refusal: 'Only a paused camera can be resumed' },
  retire: { from: ['record', 'paused'], to: 'retired', state: 'grace', refusal: 'This camera is retired already' },
  reactivate: {
    from: ['retired'],
    to: 'record',
    state: 'connecting',
    refusal: 'Only a retired camera can be reactivated',
  },
};

/**
 * Commits what is wanted of a camera before anybody acts on it: intent, `config_version` and the lease's `wanted`
 * change together, so whatever is lost afterwards (update, workflow, recorder) can be repaired from here.
 * It is dated by the database's clock, as all claims are: by an API host's that is a day behind, a pause would begin a day
 * ago and hide what was lost since.
 * The claims on missing footage follow at once: paused and retired time is the operator's doing, and so is the time
 * from a resume to the first frame, until a failure replaces that reason.
 * @param times.graceMs how long the archive of a retired camera stays where its tenant has no grace of its own, see
 * FRAMEKEEP_GRACE_DAYS
 * @param times.clocks a grace period ends by the later one and is over by the earlier one, and of frozen
 * footage no time counts as age that is grace by any of them
 * @returns the new config version, which the workflow's update carries
 * @throws AppError not-found; wrong-state with the reason
 */
export async function changeIntent(
  tx: Transaction,
  cameraId: string,
  action: IntentAction,
  { graceMs, clocks }: { graceMs: number; clocks: ChangeClocks },
): Promise<number> {
  const { earlierMs, laterMs, databaseMs: nowMs } = clocks;
  const camera = await maybeOne(
    tx,
    z.object({
      id: z.number(),
      intent: z.enum(['record', 'paused', 'retired']),
      retired_at: instant.nullable(),
      frozen_at: instant.nullable(),
      grace_ends_at: instant.nullable(),
      status: z.string(),
      grace_days: z.number().nullable(),
    }),
    `select c.id, c.intent, c.retired_at, c.frozen_at, c.grace_ends_at, c.status, t.grace_days
     from camera c join tenant t on t.id = c.tenant_id where c.public_id = $1::uuid for update of c`,
    [cameraId],
  );
  if (camera === null) throw noSuchCamera();
  const rule = rules[action];
  if (!rule.from.includes(camera.intent)) {
    throw new AppError('wrong-state', `${rule.refusal}; this one is meant to be: ${camera.intent}.`);
  }
  if (action === 'reactivate' && (camera.status !== 'grace' || earlierMs >= (camera.grace_ends_at ?? Infinity))) {
    throw new AppError('wrong-state', 'The grace period of this camera is over; it cannot be reactivated.');
  }
  // Its grace may be over by one clock alone. Looked at in a statement of its own, which sees what the lock waited for.
  if (action === 'reactivate' && (await isPurgeWanted(tx, camera.id))) {
    throw new AppError('wrong-state', 'The purge of this camera was asked for; it cannot be reactivated.');
  }

  const retires = rule.to === 'retired';
  // Asked for before it came back by a version that let it: its next purge is for a reason of its own.
  if (retires) await tx.query(`delete from camera_purge where camera_id = $1::int and begun_at is null`, [camera.id]);
  const graceEndsMs = laterMs + (camera.grace_days === null ? graceMs : camera.grace_days * 24 * 3_600_000);
  const changed = await maybeOne(
    tx,
    z.object({ config_version: z.number() }),
    `update camera set intent = $2::text, config_version = config_version + 1,
       status = $3::text, status_reason = null, status_at = $4::timestamptz,
       retired_at = $5::timestamptz, grace_ends_at = $6::timestamptz, frozen_at = $7::timestamptz
     where id = $1 returning config_version`,
    [
      camera.id,
      rule.to,
      rule.state,
      at(nowMs),
      at(retires ? nowMs : null),
      at(retires ? graceEndsMs : null),
      at(retires ? earlierMs : null),
    ],
  );
  await tx.query(`update camera_lease set wanted = $2::boolean where camera_id = $1`, [
    camera.id,
    rule.to === 'record',
  ]);

  // Of a retired camera nothing was missing, whatever was claimed of it since.
  await closeGap(tx, cameraId, action === 'reactivate' ? (camera.retired_at ?? nowMs) : nowMs);
  if (action === 'reactivate' && camera.retired_at !== null) {
    await claimHole(tx, cameraId, camera.retired_at, nowMs, 'paused', {});
    const frozenMs = Math.min(camera.retired_at, camera.frozen_at ?? Infinity);
    await notePause(tx, camera.id, { startMs: frozenMs, endMs: laterMs }, earlierMs);
  }
  if (!retires) {
    await openGap(tx, cameraId, { startMs: nowMs, reason: rule.to === 'paused' ? 'paused' : 'operator', evidence: {} });
  }
  if (changed === null) throw noSuchCamera();
  return changed.config_version;
}

async function isPurgeWanted(tx: Transaction, internalId: number): Promise<boolean> {
  const { rowCount } = await tx.query(`select from camera_purge where camera_id = $1::int`, [internalId]);
  return rowCount === 1;
}

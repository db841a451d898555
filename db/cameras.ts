import { z } from 'zod';
import { cameraIntents, cameraTiers, type Camera, type CameraIntent, type CameraState } from '../domain/camera.ts';
import { AppError } from '../errors.ts';
import { cameraRow, selectCamera } from './camera-row.ts';
import { fencedCameraSql } from './recorder-fence.ts';
import { at, many, maybeOne, one, violatedUnique, type Db, type Transaction } from './sql.ts';

export interface NewCamera {
  /** A UUIDv7 (security/ids.ts), known beforehand because the sealed URL is bound to it. */
  id: string;
  tenantId: string;
  name: string;
  sealedUrl: string;
  urlRedacted: string;
  /** Its second, smaller stream; sealed for its own place. */
  substream?: { sealedUrl: string; urlRedacted: string } | undefined;
  tier: Camera['tier'];
  profileId: string;
  retentionDays: number;
}

/**
 * Makes a camera that is to be recorded, its lease, and the claim that explains the time until its first frame.
 * @throws AppError name-taken; not-found when there is no such tenant or profile
 */
export async function insertCamera(db: Db, camera: NewCamera): Promise<Camera> {
  const made = await maybeOne(
    db,
    z.object({ id: z.number() }),
    `with made as (
       insert into camera (public_id, tenant_id, name, sealed_url, url_redacted, tier, profile_id, retention_days,
         sealed_substream_url, substream_url_redacted)
       select $1::uuid, t.id, $3::text, $4::text, $5::text, $6::text, p.id, $8::int, $9::text, $10::text
       from tenant t, profile p
       where t.public_id = $2::uuid and t.deletion_requested_at is null and p.public_id = $7::uuid
       returning id, created_at
     ), lease as (
       insert into camera_lease (camera_id, last_end_at) select id, created_at from made
     ), claim as (
       insert into gap (camera_id, start_at, reason) select id, created_at, 'operator' from made
     )
     select id from made`,
    [
      camera.id,
      camera.tenantId,
      camera.name,
      camera.sealedUrl,
      camera.urlRedacted,
      camera.tier,
      camera.profileId,
      camera.retentionDays,
      camera.substream?.sealedUrl ?? null,
      camera.substream?.urlRedacted ?? null,
    ],
  ).catch((error: unknown) => {
    throw asNameTaken(error, camera.name);
  });
  if (made === null) throw new AppError('not-found', 'There is no such tenant or profile.');
  return one(db, cameraRow, `${selectCamera} where c.id = $1`, [made.id]);
}

/** The camera with this public id, or null. */
export function cameraByPublicId(db: Db, cameraId: string): Promise<Camera | null> {
  return maybeOne(db, cameraRow, `${selectCamera} where c.public_id = $1::uuid`, [cameraId]);
}

/** Waits for other changes of this camera and keeps them out until the transaction ends. */
export async function lockCamera(tx: Transaction, cameraId: string): Promise<void> {
  await tx.query(`select from camera where public_id = $1::uuid for update`, [cameraId]);
}

/** A page of cameras in the order of their ids, which is the order they were made in. */
export function listCameras(
  db: Db,
  page: { tenantId?: string | undefined; afterId?: string | undefined; limit: number },
): Promise<Camera[]> {
  return many(
    db,
    cameraRow,
    `${selectCamera}
     where ($1::uuid is null or t.public_id = $1::uuid) and ($2::uuid is null or c.public_id > $2::uuid)
     order by c.public_id limit $3::int`,
    [page.tenantId ?? null, page.afterId ?? null, page.limit],
  );
}

/** The states each intent allows: what a recorder writes late must not undo what was decided meanwhile. */
const statesOf: Record<CameraIntent, CameraState[]> = {
  record: ['provisioning', 'connecting', 'recording', 'reconnecting', 'no-slot', 'attention'],
  paused: ['paused'],
  retired: ['grace', 'purging', 'purged'],
};

/**
 * Shows a camera's state. A state that is shown already keeps its time.
 * @param reason a sentence or a gap reason, redacted
 * @param byEpoch whose word it is, where it is a recording's: a superseded one's changes nothing
 * @returns false when the camera's intent does not allow this state (any more), or it is not for this recording to say
 */
export async function setCameraState(
  db: Db,
  cameraId: string,
  state: CameraState,
  reason: string | null,
  atMs: number,
  byEpoch: number | null = null,
): Promise<boolean> {
  const allowed = cameraIntents.filter((intent) => statesOf[intent].includes(state));
  const { rowCount } = await db.query(
    `${fencedCameraSql('no key update')}
     update camera set status = $3::text, status_reason = $4::text,
       status_at = case when status = $3::text then status_at else $5::timestamptz end
     from fenced where camera.id = fenced.id and intent = any($6::text[])`,
    [cameraId, byEpoch, state, reason, at(atMs), allowed],
  );
  return rowCount === 1;
}

/** What `ensure-cameras` compares with the workflows there are. */
export interface EnsuredCamera {
  id: string;
  tenantId: string;
  tier: Camera['tier'];
  intent: CameraIntent;
  configVersion: number;
  /** What its workflow has taken in; below `configVersion`: send it again. */
  appliedVersion: number;
}

/** Every camera that should have a workflow: all that are not purged. */
export function camerasToEnsure(db: Db): Promise<EnsuredCamera[]> {
  return many(
    db,
    z
      .object({
        public_id: z.string(),
        tenant_id: z.string(),
        tier: z.enum(cameraTiers),
        intent: z.enum(cameraIntents),
        config_version: z.number(),
        applied_version: z.number(),
      })
      .transform((row): EnsuredCamera => ({
        id: row.public_id,
        tenantId: row.tenant_id,
        tier: row.tier,
        intent: row.intent,
        configVersion: row.config_version,
        appliedVersion: row.applied_version,
      })),
    `select c.public_id, t.public_id as tenant_id, c.tier, c.intent, c.config_version, l.applied_version
     from camera c join tenant t on t.id = c.tenant_id join camera_lease l on l.camera_id = c.id
     where c.status <> 'purged' order by c.id`,
  );
}

/** The error of an unknown camera id. */
export function noSuchCamera(): AppError {
  return new AppError('not-found', 'There is no such camera.');
}

/** A unique violation as the error a caller may meet. */
export function asNameTaken(error: unknown, name: string): unknown {
  return violatedUnique(error) === 'camera_tenant_id_name_key'
    ? new AppError('name-taken', `There is a camera named "${name}" already.`)
    : error;
}

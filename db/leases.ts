import { z } from 'zod';
import { noSuchCamera } from './cameras.ts';
import { at, instant, many, maybeOne, type Db } from './sql.ts';

/** The fence of one camera; who may record it. Times in ms since 1970. */
export interface Lease {
  cameraId: string;
  /** The newest epoch taken. */
  epoch: number;
  /** The newest epoch that has its first frame: recordings of older ones stop. */
  recordingEpoch: number;
  /** Of `recordingEpoch`. */
  firstFrameMs: number | null;
  /** SHA-256 (hex) of the first key sample of `recordingEpoch`; null = not known. */
  firstKeySha256: string | null;
  /** Where the newest epoch whose first key an older recording holds too takes over from that one, without loss. */
  seam: { epoch: number; atMs: number } | null;
  wanted: boolean;
  configVersion: number;
  appliedVersion: number;
  /** The watermark: where committed footage ends; the camera's creation at first. */
  lastEndMs: number;
  /** How far what `recordingEpoch` has committed lies ahead of its host's time (that host's clock was ahead, then). */
  archiveLeadMs: number;
  hostId: string | null;
  sessionId: string | null;
  /** The camera has no room for the recording of `epoch` as long as an older one goes on. */
  oneClient: boolean;
  /** Its purge has begun: nothing of it is stored any more. */
  isPurged: boolean;
}

const leaseRow = z
  .object({
    public_id: z.string(),
    epoch: z.number(),
    recording_epoch: z.number(),
    first_frame_at: instant.nullable(),
    first_key: z.string().nullable(),
    seam_epoch: z.number(),
    seam_at: instant.nullable(),
    wanted: z.boolean(),
    config_version: z.number(),
    applied_version: z.number(),
    last_end_at: instant,
    archive_lead_ms: z.coerce.number(),
    host_id: z.string().nullable(),
    session_id: z.string().nullable(),
    one_client: z.boolean(),
    is_purged: z.boolean(),
  })
  .transform((row): Lease => ({
    cameraId: row.public_id,
    epoch: row.epoch,
    recordingEpoch: row.recording_epoch,
    firstFrameMs: row.first_frame_at,
    firstKeySha256: row.first_key,
    seam: row.seam_at === null ? null : { epoch: row.seam_epoch, atMs: row.seam_at },
    wanted: row.wanted,
    configVersion: row.config_version,
    appliedVersion: row.applied_version,
    lastEndMs: row.last_end_at,
    archiveLeadMs: row.archive_lead_ms,
    hostId: row.host_id,
    sessionId: row.session_id,
    oneClient: row.one_client,
    isPurged: row.is_purged,
  }));

const selectLease = `select c.public_id, l.epoch, l.recording_epoch, l.first_frame_at,
    encode(l.first_key_sha256, 'hex') as first_key, l.seam_epoch, l.seam_at, l.wanted, c.config_version,
    l.applied_version, l.last_end_at, l.archive_lead_ms, l.host_id, l.session_id, l.one_client,
    c.status in ('purging', 'purged') as is_purged
  from camera_lease l join camera c on c.id = l.camera_id`;

/** Footage this fresh means that whoever recorded the camera still does: it is committed up to a segment and 10 s late. */
export const stillRecordingMs = 120_000;

/** Whether an older recording than that of `epoch` is what gives the camera's footage just now. */
export function isRecordedByOlder(lease: Lease, epoch: number, nowMs: number): boolean {
  return lease.recordingEpoch < epoch && nowMs - lease.lastEndMs < stillRecordingMs;
}

/**
 * Takes the next epoch of a camera for a recording on this host. Older epochs may go on until this one has its first
 * frame, and what they recorded is still committed, by the slow path.
 * @throws AppError not-found, also when the camera is being purged
 */
export async function takeEpoch(
  db: Db,
  cameraId: string,
  taker: { hostId: string; sessionId: string | null },
): Promise<number> {
  const taken = await maybeOne(
    db,
    z.object({ epoch: z.number() }),
    `update camera_lease set epoch = epoch + 1, host_id = $2::uuid, session_id = $3::text, one_client = false
     where camera_id = (select id from camera where public_id = $1::uuid and status not in ('purging', 'purged'))
     returning epoch`,
    [cameraId, taker.hostId, taker.sessionId],
  );
  if (taken === null) throw noSuchCamera();
  return taken.epoch;
}

/**
 * Notes the first frame of an epoch, whereupon recordings of older epochs stop.
 * @param first.keySha256 of its first key sample, hex; null = not known
 * @returns false when a newer epoch has its first frame already
 */
export async function markRecording(
  db: Db,
  cameraId: string,
  epoch: number,
  first: { frameMs: number; keySha256: string | null },
): Promise<boolean> {
  const { rowCount } = await db.query(
    `update camera_lease set recording_epoch = $2::int,
       first_frame_at = case when $2::int > recording_epoch then $3::timestamptz else first_frame_at end,
       first_key_sha256 = case when $2::int > recording_epoch then decode($4::text, 'hex') else first_key_sha256 end
     where camera_id = (select id from camera where public_id = $1::uuid) and recording_epoch <= $2::int`,
    [cameraId, epoch, at(first.frameMs), first.keySha256],
  );
  return rowCount === 1;
}

/** Notes that an older recording holds the first key of this epoch, and where its own footage ends before it. */
export async function markSeam(db: Db, cameraId: string, seam: { epoch: number; atMs: number }): Promise<void> {
  await db.query(
    `update camera_lease set seam_epoch = $2::int, seam_at = $3::timestamptz
     where camera_id = (select id from camera where public_id = $1::uuid) and seam_epoch < $2::int`,
    [cameraId, seam.epoch, at(seam.atMs)],
  );
}

/** Notes how far the archive of a recording is ahead, unless a newer one has its first frame. */
export async function noteArchiveLead(db: Db, cameraId: string, epoch: number, leadMs: number): Promise<void> {
  await db.query(
    `update camera_lease set archive_lead_ms = $3::bigint
     where camera_id = (select id from camera where public_id = $1::uuid) and recording_epoch <= $2::int`,
    [cameraId, epoch, leadMs],
  );
}

/** The lease of a camera, or null. */
export function leaseOf(db: Db, cameraId: string): Promise<Lease | null> {
  return maybeOne(db, leaseRow, `${selectLease} where c.public_id = $1::uuid`, [cameraId]);
}

/** The leases of these cameras, unknown ones left out: one query for the watcher of a whole process. */
export function leasesOf(db: Db, cameraIds: readonly string[]): Promise<Lease[]> {
  return many(db, leaseRow, `${selectLease} where c.public_id = any($1::uuid[])`, [cameraIds]);
}

/** Notes that the camera's workflow has taken in this version of its configuration; an older one changes nothing. */
export async function setAppliedVersion(db: Db, cameraId: string, version: number): Promise<void> {
  await db.query(
    `update camera_lease set applied_version = greatest(applied_version, $2::int)
     where camera_id = (select id from camera where public_id = $1::uuid)`,
    [cameraId, version],
  );
}

/**
 * Notes that the camera has no room for the recording of this epoch beside an older one: that one lets go first. It
 * holds for the newest epoch only, since whoever else watched the camera may be gone at the next move.
 */
export async function noteOneClient(db: Db, cameraId: string, epoch: number): Promise<void> {
  await db.query(
    `update camera_lease set one_client = true
     where camera_id = (select id from camera where public_id = $1::uuid) and epoch = $2::int`,
    [cameraId, epoch],
  );
}

import type { ChangeClocks } from '../../db/clock.ts';
import { createHash } from 'node:crypto';
import { insertCamera } from '../../db/cameras.ts';
import { defaultProfile } from '../../db/profiles.ts';
import { cameraForRecording } from '../../db/recorded-cameras.ts';
import type { RecorderFigures } from '../../db/recorders.ts';
import type { Db } from '../../db/sql.ts';
import { defaultTenant } from '../../db/tenants.ts';
import type { Camera } from '../../domain/camera.ts';
import type { Segment } from '../../domain/segment.ts';
import { AppError } from '../../errors.ts';
import { newUuid } from '../../security/uuid.ts';

let made = 0;

/** A camera of the default tenant, created at `createdAtMs` where given. */
/** All clocks agree. */
export const clocksAt = (ms: number): ChangeClocks => ({ earlierMs: ms, laterMs: ms, databaseMs: ms });

export async function makeCamera(
  db: Db,
  changes: { name?: string; createdAtMs?: number } = {},
): Promise<Camera & { internalId: number }> {
  made += 1;
  const camera = await insertCamera(db, {
    id: newUuid(Date.now()),
    tenantId: (await defaultTenant(db)).id,
    name: changes.name ?? `camera ${made}`,
    sealedUrl: 'v1.sealed',
    urlRedacted: 'rtsp://192.0.2.1/stream',
    tier: 'normal',
    profileId: (await defaultProfile(db)).id,
    retentionDays: 30,
  });
  const internalId = (await cameraForRecording(db, camera.id))?.internalId ?? 0;
  const { createdAtMs } = changes;
  if (createdAtMs === undefined) return { ...camera, internalId };
  const created = new Date(createdAtMs);
  await db.query(`update camera set created_at = $2 where id = $1`, [internalId, created]);
  await db.query(`update camera_lease set last_end_at = $2 where camera_id = $1`, [internalId, created]);
  await db.query(`update gap set start_at = $2 where camera_id = $1`, [internalId, created]);
  return { ...camera, createdAtMs, internalId };
}

/** A segment whose hash follows from what it says, so that the same one is the same file. */
export function segmentOf(
  given: Pick<Segment, 'startMs' | 'durationMs' | 'epoch'> & Partial<Segment> & { content?: string },
): Segment {
  const { content, ...fields } = given;
  const text = content ?? `${given.startMs} ${given.durationMs} ${given.epoch}`;
  const half = Math.floor(given.durationMs / 2);
  return {
    bytes: 1_000_000,
    sha256: createHash('sha256').update(text).digest('hex'),
    variant: 0,
    anchor: false,
    format: {
      codec: 'h264',
      codecTag: 'avc1.64001f',
      width: 1920,
      height: 1080,
      fps: 29.97,
      audioCodec: null,
      initBytes: 800,
      initSha256: createHash('sha256').update('init').digest('hex'),
    },
    entries: [
      { bytes: 500_000, ms: half, keyBytes: 90_000 },
      { bytes: 499_200, ms: given.durationMs - half, keyBytes: 80_000 },
    ],
    ...fields,
  };
}

/** Code and message of the refusal that is expected. @throws Error when it was another one, or none */
export async function refusal(run: Promise<unknown>): Promise<[string, string]> {
  const error = await run.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof AppError)) throw new Error(`an AppError was expected, not ${String(error)}`);
  return [error.code, error.message];
}

/** What a recorder tells that has nothing to do. */
export const idleFigures: RecorderFigures = {
  backlog: { files: 0, bytes: 0, oldestEndMs: null },
  commits: {},
  spool: null,
  pendingWrites: 0,
  failures: {},
  commitMs: null,
};

import { z } from 'zod';
import { cameraTiers, type Camera } from '../domain/camera.ts';
import { profileRow, type Profile } from './profiles.ts';
import { instant, type Db } from './sql.ts';

/** What the last probe found out about a camera's stream. */
export interface StreamInfo {
  codec: 'h264' | 'hevc';
  width: number;
  height: number;
  fps: number;
  audioCodec: string | null;
  bitrateKbps: number | null;
  hasBFrames: boolean;
}

/** All that a recorder needs of a camera. */
export interface RecordedCamera {
  internalId: number;
  tenantId: string;
  cameraId: string;
  sealedUrl: string;
  sealedSubstreamUrl: string | null;
  tier: Camera['tier'];
  configVersion: number;
  profile: Profile;
  createdAtMs: number;
  wanted: boolean;
  stream: StreamInfo | null;
}

const recordedRow = z.object({
  id: z.number(),
  tenant_id: z.string(),
  public_id: z.string(),
  sealed_url: z.string(),
  sealed_substream_url: z.string().nullable(),
  tier: z.enum(cameraTiers),
  config_version: z.number(),
  created_at: instant,
  wanted: z.boolean(),
  stream: z
    .object({
      codec: z.enum(['h264', 'hevc']),
      width: z.number(),
      height: z.number(),
      fps: z.number(),
      audioCodec: z.string().nullable(),
      bitrateKbps: z.number().nullable(),
      hasBFrames: z.boolean(),
    })
    .nullable(),
});

/** What a recorder needs to start, or null when there is no such camera. */
export async function cameraForRecording(db: Db, cameraId: string): Promise<RecordedCamera | null> {
  const { rows } = await db.query(
    `select c.id, t.public_id as tenant_id, c.public_id, c.sealed_url, c.sealed_substream_url, c.tier, c.config_version, c.created_at, l.wanted,
       c.stream, to_jsonb(p) as profile
     from camera c
     join tenant t on t.id = c.tenant_id
     join camera_lease l on l.camera_id = c.id
     join profile p on p.id = c.profile_id
     where c.public_id = $1::uuid`,
    [cameraId],
  );
  if (rows.length === 0) return null;
  const row = recordedRow.extend({ profile: profileRow }).parse(rows[0]);
  return {
    internalId: row.id,
    tenantId: row.tenant_id,
    cameraId: row.public_id,
    sealedUrl: row.sealed_url,
    sealedSubstreamUrl: row.sealed_substream_url,
    tier: row.tier,
    configVersion: row.config_version,
    profile: row.profile,
    createdAtMs: row.created_at,
    wanted: row.wanted,
    stream: row.stream,
  };
}

/** Keeps what a probe found; null when the URL has changed and nothing is known. */
export async function saveStream(db: Db, cameraId: string, stream: StreamInfo | null): Promise<void> {
  await db.query(`update camera set stream = $2::jsonb where public_id = $1::uuid`, [
    cameraId,
    stream === null ? null : JSON.stringify(stream),
  ]);
}

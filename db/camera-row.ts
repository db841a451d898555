import { z } from 'zod';
import { cameraIntents, cameraStates, cameraTiers, type Camera } from '../domain/camera.ts';
import { instant } from './sql.ts';

/** A row of `selectCamera`. */
export const cameraRow = z
  .object({
    public_id: z.string(),
    tenant_id: z.string(),
    name: z.string(),
    url_redacted: z.string(),
    substream_url_redacted: z.string().nullable(),
    tier: z.enum(cameraTiers),
    profile_id: z.string(),
    retention_days: z.number(),
    intent: z.enum(cameraIntents),
    config_version: z.number(),
    status: z.enum(cameraStates),
    status_reason: z.string().nullable(),
    status_at: instant,
    last_error: z.string().nullable(),
    created_at: instant,
    retired_at: instant.nullable(),
    grace_ends_at: instant.nullable(),
    last_segment_end_at: instant.nullable(),
    finish_action: z.enum(['copy', 'encode', 'undecided']).nullable(),
    finish_reason: z.string().nullable(),
  })
  .transform((row): Camera => ({
    id: row.public_id,
    tenantId: row.tenant_id,
    name: row.name,
    urlRedacted: row.url_redacted,
    substreamUrlRedacted: row.substream_url_redacted,
    tier: row.tier,
    profileId: row.profile_id,
    retentionDays: row.retention_days,
    intent: row.intent,
    configVersion: row.config_version,
    state: row.status,
    stateReason: row.status_reason,
    stateSinceMs: row.status_at,
    stateDetail: row.last_error,
    createdAtMs: row.created_at,
    retiredAtMs: row.retired_at,
    graceEndsAtMs: row.grace_ends_at,
    lastSegmentEndMs: row.last_segment_end_at,
    finish: row.finish_action === null ? null : { action: row.finish_action, reason: row.finish_reason ?? '' },
  }));

/** The watermark starts at the camera's creation: only beyond it is there a last segment. */
export const selectCamera = `select c.public_id, t.public_id as tenant_id, c.name, c.url_redacted, c.substream_url_redacted, c.tier, p.public_id as profile_id,
    c.retention_days, c.intent, c.config_version, c.status, c.status_reason,
    case when failing.start_at < c.status_at then failing.start_at else c.status_at end as status_at,
    failing.evidence ->> 'lastError' as last_error, c.created_at, c.retired_at,
    c.grace_ends_at, case when l.last_end_at > c.created_at then l.last_end_at end as last_segment_end_at,
    case when c.finish_profile_id = c.profile_id then c.finish_action end as finish_action, c.finish_reason
  from camera c
  join tenant t on t.id = c.tenant_id
  join profile p on p.id = c.profile_id
  join camera_lease l on l.camera_id = c.id
  -- What is wrong outlives the process that saw it, which says "connecting" anew after each restart.
  left join gap failing on failing.camera_id = c.id and failing.end_at is null and failing.reason <> 'operator'
    and c.intent = 'record' and c.status in ('reconnecting', 'attention', 'no-slot')`;

import { z } from 'zod';
import type { GapClaim, GapEvidence, Hole } from '../domain/gaps.ts';
import { gapReasons, type GapReason } from '../domain/gap-reason.ts';
import { grouped } from '../domain/grouped.ts';
import { fencedCameraSql } from './recorder-fence.ts';
import { at, instant, many, maybeOne, type Db } from './sql.ts';

const spell = z.object({
  reason: z.enum(gapReasons),
  sinceMs: z.number(),
  attempts: z.number(),
  lastError: z.string().exactOptional(),
});

/** Evidence as it is stored, in claims and in events. */
export const gapEvidence: z.ZodType<GapEvidence> = z.object({
  lastError: z.string().exactOptional(),
  attempts: z.number().exactOptional(),
  hostId: z.string().exactOptional(),
  epoch: z.number().exactOptional(),
  workflowRunId: z.string().exactOptional(),
  history: z.array(spell).exactOptional(),
});

const claimColumns = {
  start_at: instant,
  end_at: instant.nullable(),
  reason: z.enum(gapReasons),
  evidence: gapEvidence,
};

const claimRow = z.object(claimColumns).transform(toClaim);

function toClaim(row: { start_at: number; end_at: number | null; reason: GapReason; evidence: GapEvidence }): GapClaim {
  return { startMs: row.start_at, endMs: row.end_at, reason: row.reason, evidence: row.evidence };
}

/**
 * Opens the camera's claim on missing footage. At most one is open: an open one keeps its start, and its reason too
 * (the first cause explains; `updateOpenGap` is for what follows it), unless that is `operator`, which any failure
 * replaces. Of a camera that is not wanted nothing is missing: it gets a claim for its pause alone.
 * @param byEpoch whose word it is, where it is a recording's: a superseded one's changes nothing
 */
export async function openGap(
  db: Db,
  cameraId: string,
  gap: { startMs: number; reason: GapReason; evidence: GapEvidence },
  byEpoch: number | null = null,
): Promise<void> {
  await db.query(
    `${fencedCameraSql('key share')}
     insert into gap (camera_id, start_at, reason, evidence)
     select id, $3::timestamptz, $4::text, $5::jsonb from fenced where wanted or $4::text = 'paused'
     on conflict (camera_id) where end_at is null
     do update set reason = excluded.reason, evidence = excluded.evidence
     where gap.reason = 'operator' and excluded.reason <> 'operator'`,
    [cameraId, byEpoch, at(gap.startMs), gap.reason, JSON.stringify(gap.evidence)],
  );
}

/**
 * Replaces reason and evidence of the open claim.
 * @param byEpoch as of `openGap`; no recording has a say in a pause
 * @returns false when none is open, or it is not for this recording to say
 */
export async function updateOpenGap(
  db: Db,
  cameraId: string,
  gap: { reason: GapReason; evidence: GapEvidence },
  byEpoch: number | null = null,
): Promise<boolean> {
  const { rowCount } = await db.query(
    `${fencedCameraSql('key share')}
     update gap set reason = $3::text, evidence = $4::jsonb
     from fenced where camera_id = fenced.id and end_at is null and ($2::int is null or reason <> 'paused')`,
    [cameraId, byEpoch, gap.reason, JSON.stringify(gap.evidence)],
  );
  return rowCount === 1;
}

/** Ends the open claim. @param byEpoch as of `updateOpenGap` @returns false when none was open, likewise */
export async function closeGap(
  db: Db,
  cameraId: string,
  endMs: number,
  byEpoch: number | null = null,
): Promise<boolean> {
  const { rowCount } = await db.query(
    `${fencedCameraSql('key share')}
     update gap set end_at = greatest(start_at, $3::timestamptz)
     from fenced where camera_id = fenced.id and end_at is null and ($2::int is null or reason <> 'paused')`,
    [cameraId, byEpoch, at(endMs)],
  );
  return rowCount === 1;
}

/** The open claim, or null. */
export function openGapOf(db: Db, cameraId: string): Promise<GapClaim | null> {
  return maybeOne(
    db,
    claimRow,
    `select start_at, end_at, reason, evidence from gap
     where camera_id = (select id from camera where public_id = $1::uuid) and end_at is null`,
    [cameraId],
  );
}

/** Explains those parts of a range that no claim explains yet; said twice it changes nothing. */
export async function claimHole(
  db: Db,
  cameraId: string,
  startMs: number,
  endMs: number,
  reason: GapReason,
  evidenceOfIt: GapEvidence,
): Promise<void> {
  if (endMs <= startMs) return;
  await db.query(
    `with c as (select id from camera where public_id = $1::uuid),
     claimed as (
       select coalesce(range_agg(tstzrange(start_at, end_at)), '{}') as ranges from gap
       where camera_id = (select id from c) and coalesce(end_at, 'infinity') > $2::timestamptz
         and start_at < $3::timestamptz
     )
     insert into gap (camera_id, start_at, end_at, reason, evidence)
     select c.id, lower(part), upper(part), $4::text, $5::jsonb
     from c, claimed, unnest(tstzmultirange(tstzrange($2::timestamptz, $3::timestamptz)) - claimed.ranges) as part`,
    [cameraId, at(startMs), at(endMs), reason, JSON.stringify(evidenceOfIt)],
  );
}

/**
 * Notes where a row's file has no pictures: a hole in the midst of footage, and its reason. It holds whatever becomes of
 * the row, for its final is made of the same pictures. Said twice it changes nothing.
 */
export async function notePauses(tx: Db, internalId: number, epoch: number, pauses: readonly Hole[]): Promise<void> {
  if (pauses.length === 0) return;
  const evidenceOfIt: GapEvidence = {
    epoch,
    lastError: 'The camera sent no picture, on a connection that stayed open.',
  };
  await tx.query(
    `insert into gap (camera_id, start_at, end_at, reason, evidence, in_footage)
     select $1::int, start_at, end_at, 'stalled', $4::jsonb, true
     from unnest($2::timestamptz[], $3::timestamptz[]) as pause (start_at, end_at)
     on conflict (camera_id, start_at) where in_footage do nothing`,
    [
      internalId,
      pauses.map(({ startMs }) => at(startMs)),
      pauses.map(({ endMs }) => at(endMs)),
      JSON.stringify(evidenceOfIt),
    ],
  );
}

/** The claims that reach into a range, in order. */
export async function claimsBetween(db: Db, cameraId: string, fromMs: number, toMs: number): Promise<GapClaim[]> {
  return (await claimsOf(db, [cameraId], fromMs, toMs)).get(cameraId) ?? [];
}

/** `claimsBetween` of many cameras; one without claims is not in the answer. */
export async function claimsOf(
  db: Db,
  cameraIds: readonly string[],
  fromMs: number,
  toMs: number,
): Promise<Map<string, GapClaim[]>> {
  const rows = await many(
    db,
    z.object({ public_id: z.string(), ...claimColumns }),
    `select c.public_id, g.start_at, g.end_at, g.reason, g.evidence
     from camera c join gap g on g.camera_id = c.id
     where c.public_id = any($1::uuid[])
       and g.start_at < $3::timestamptz and coalesce(g.end_at, 'infinity') > $2::timestamptz
     order by g.start_at, g.id`,
    [cameraIds, at(fromMs), at(toMs)],
  );
  return grouped(rows, (row) => row.public_id, toClaim);
}

/**
 * Forgets claims that ended before an instant of each camera; of cameras that are not given, before `beforeMs`.
 * @returns how many of them, at most `limit`
 */
export async function forgetClaims(
  db: Db,
  before: readonly { internalId: number; beforeMs: number }[],
  beforeMs: number,
  limit: number,
): Promise<number> {
  const { rowCount } = await db.query(
    `delete from gap where id in (
       select g.id from camera c
       left join unnest($1::int[], $2::timestamptz[]) as b (camera_id, before_at) on b.camera_id = c.id
       join gap g on g.camera_id = c.id and coalesce(g.end_at, 'infinity') < coalesce(b.before_at, $3::timestamptz)
       limit $4::int)`,
    [before.map(({ internalId }) => internalId), before.map((one) => at(one.beforeMs)), at(beforeMs), limit],
  );
  return rowCount ?? 0;
}

import type { Pool } from 'pg';

/** A claim on missing footage that lies over footage which is there. */
export interface CoveredClaim {
  cameraId: string;
  reason: string;
  startMs: number;
  /** Infinity: still open. */
  endMs: number;
  /** The footage below it, in parts that do not overlap. */
  covered: { startMs: number; endMs: number }[];
}

/**
 * What is told of cameras that are to be recorded, other than that they are and that nothing is missing just now. Like
 * the rest of the checker it has SQL of its own.
 * @returns a sentence each
 */
export async function notRecording(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ id: string; status: string; status_reason: string | null; claim: unknown }>(
    `select c.public_id as id, c.status, c.status_reason, to_jsonb(g) as claim
     from camera c left join gap g on g.camera_id = c.id and g.end_at is null
     where c.intent = 'record' and (c.status <> 'recording' or g.id is not null)`,
  );
  return rows.map(
    ({ id, status, status_reason: reason, claim }) => `${id} ${status} ${reason} ${JSON.stringify(claim)}`,
  );
}

/** The claims of these cameras that lie over footage, but for those that say that it has no pictures there. */
export async function claimsOverFootage(pool: Pool, cameraIds: readonly string[]): Promise<CoveredClaim[]> {
  const { rows } = await pool.query<{
    id: string;
    camera_id: string;
    reason: string;
    start_ms: number;
    end_ms: number | null;
    from_ms: number;
    to_ms: number;
  }>(
    `select g.id, c.public_id as camera_id, g.reason,
       ${ms('g.start_at')} as start_ms, ${ms('g.end_at')} as end_ms, ${ms('lower(part)')} as from_ms, ${ms('upper(part)')} as to_ms
     from gap g join camera c on c.id = g.camera_id
     cross join lateral (
       select range_agg(tstzrange(s.start_at, s.start_at + s.duration_ms * interval '1 ms')) as ranges
       from segment s where s.camera_id = c.id and s.state = 0
     ) footage
     cross join lateral unnest(footage.ranges * tstzmultirange(tstzrange(g.start_at, g.end_at))) as part
     where c.public_id = any($1::uuid[]) and not g.in_footage
     order by g.id, from_ms`,
    [cameraIds],
  );
  const claims = new Map<string, CoveredClaim>();
  for (const row of rows) {
    const { camera_id: cameraId, reason, start_ms: startMs } = row;
    const claim = claims.get(row.id) ?? { cameraId, reason, startMs, endMs: row.end_ms ?? Infinity, covered: [] };
    claim.covered.push({ startMs: row.from_ms, endMs: row.to_ms });
    claims.set(row.id, claim);
  }
  return [...claims.values()];
}

const ms = (time: string): string => `(extract(epoch from ${time}) * 1000)::float8`;

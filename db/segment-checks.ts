import { z } from 'zod';
import { at, bigint, instant, many, type Db } from './sql.ts';
import { objectShape, toObjectRow, type ObjectRow } from './object-row.ts';

export const checkVerdicts = ['good', 'gone', 'wrong-hash', 'undecodable'] as const;
export type CheckVerdict = (typeof checkVerdicts)[number];

/** A live row whose object is to be read back. */
export interface SampledRow extends ObjectRow {
  internalId: number;
  cameraId: string;
  tenantId: string;
}

const sampledRow = objectShape
  .extend({ id: z.number(), public_id: z.string(), tenant_id: z.string() })
  .transform((row): SampledRow => ({
    ...toObjectRow(row),
    internalId: row.id,
    cameraId: row.public_id,
    tenantId: row.tenant_id,
  }));

/**
 * Up to `limit` live rows at random: cameras in turn, of each the segment at a random instant of its archive. Young
 * ones are left to their commit. Reads a few index entries for each.
 */
export function sampleRows(db: Db, sample: { limit: number; beforeMs: number }): Promise<SampledRow[]> {
  return many(
    db,
    sampledRow,
    `with chosen as (
       select c.id, c.public_id, t.public_id as tenant_id
       from camera c join tenant t on t.id = c.tenant_id
       cross join generate_series(1, greatest(1, ceil($1::int / greatest(1, (select count(*) from camera)::float8)))::int) as turn
       where c.status not in ('purging', 'purged') and exists (select from segment s where s.camera_id = c.id)
       order by turn, random() limit $1::int
     ), aimed as materialized (
       select chosen.*, bounds.from_at + random() * (bounds.to_at - bounds.from_at + interval '1 s') as at
       from chosen cross join lateral (
         select min(start_at) as from_at, max(start_at) as to_at from segment
         where camera_id = chosen.id and state = 0 and start_at < $2::timestamptz) as bounds
       where bounds.from_at is not null
     )
     select distinct a.id, a.public_id, a.tenant_id, s.start_at, s.duration_ms, s.bytes, s.epoch, s.variant, s.sha256
     from aimed a cross join lateral (
       select * from segment
       where camera_id = a.id and state = 0 and start_at <= a.at order by start_at desc limit 1) as s`,
    [sample.limit, at(sample.beforeMs)],
  );
}

/** Whether this row is still live: what was deleted or replaced while it was read says nothing. */
export async function isLive(db: Db, row: Pick<SampledRow, 'internalId' | 'startMs' | 'sha256'>): Promise<boolean> {
  const { rowCount } = await db.query(
    `select from segment where camera_id = $1::int and start_at = $2::timestamptz and state = 0
       and sha256 = decode($3::text, 'hex')`,
    [row.internalId, at(row.startMs), row.sha256],
  );
  return rowCount === 1;
}

/** Keeps what a check came to. */
export async function noteCheck(
  db: Db,
  row: SampledRow,
  check: { verdict: CheckVerdict; detail: string | null; atMs: number },
): Promise<void> {
  await db.query(
    `insert into segment_check (camera_id, start_at, sha256, checked_at, bytes, verdict, detail)
     values ($1::int, $2::timestamptz, decode($3::text, 'hex'), $4::timestamptz, $5::bigint, $6::text, $7::text)`,
    [row.internalId, at(row.startMs), row.sha256, at(check.atMs), row.bytes, check.verdict, check.detail],
  );
}

/** Forgets damage that a later look did not find, or whose footage is gone by the rules. */
export async function forgetMended(db: Db, goodKey: string | null): Promise<void> {
  await db.query(
    `delete from reconcile_finding f where f.kind = 'wrong-bytes' and (f.key = $1::text or not exists (
       select from segment s where s.camera_id = f.camera_id and s.start_at = f.start_at and s.state = 0))`,
    [goodKey],
  );
}

/** Forgets checks older than this. */
export async function forgetChecks(db: Db, beforeMs: number): Promise<void> {
  await db.query(`delete from segment_check where checked_at < $1::timestamptz`, [at(beforeMs)]);
}

/** What was read back since an instant, by verdict, and when the last one was. */
export function countChecks(
  db: Db,
  sinceMs: number,
): Promise<{ verdict: CheckVerdict; count: number; bytes: number; lastMs: number }[]> {
  return many(
    db,
    z
      .object({ verdict: z.enum(checkVerdicts), count: bigint, bytes: bigint, last: instant })
      .transform(({ last, ...row }) => ({ ...row, lastMs: last })),
    `select verdict, count(*) as count, sum(bytes)::bigint as bytes, max(checked_at) as last from segment_check
     where checked_at >= $1::timestamptz group by verdict order by verdict`,
    [at(sinceMs)],
  );
}

import { z } from 'zod';
import {
  findingKinds,
  findingRow,
  findingStates,
  selectFinding,
  type Finding,
  type FindingKind,
  type FindingState,
  type Verdict,
} from './finding-row.ts';
import { at, bigint, instant, many, type Db } from './sql.ts';

/** What a pass, or a sample, has seen. */
export type SeenFinding = Pick<
  Finding,
  'key' | 'internalId' | 'kind' | 'verdict' | 'why' | 'held' | 'startMs' | 'durationMs' | 'bytes'
>;

/**
 * Notes what was seen. What is in quarantine, reported or damaged stays so; what seemed to be dealt with is a suspect
 * again.
 * @param seen.passId null: a sample saw it
 */
export async function noteFindings(
  db: Db,
  findings: readonly SeenFinding[],
  seen: { passId: number | null; atMs: number; state?: FindingState },
): Promise<void> {
  if (findings.length === 0) return;
  const rows = findings.map((one) => ({
    ...one,
    start_at: one.startMs === null ? null : new Date(one.startMs).toISOString(),
  }));
  await db.query(
    `insert into reconcile_finding as f (key, camera_id, kind, state, verdict, why, held, start_at, duration_ms, bytes,
       first_seen_at, seen_at, state_at, pass_id)
     select s.key, s."internalId", s.kind, $2::text, s.verdict, s.why, s.held, s.start_at, s."durationMs", s.bytes,
       $3::timestamptz, $3::timestamptz, $3::timestamptz, $4::bigint
     from jsonb_to_recordset($1::jsonb) as s (key text, "internalId" int, kind text, verdict text, why text,
       held boolean, start_at timestamptz, "durationMs" int, bytes bigint)
     on conflict (key) do update set
       kind = excluded.kind, verdict = excluded.verdict, held = excluded.held, seen_at = excluded.seen_at,
       pass_id = excluded.pass_id, why = excluded.why, bytes = coalesce(excluded.bytes, f.bytes),
       state = case when f.state in ('quarantined', 'reported', 'damaged') and f.kind = excluded.kind
         then f.state else excluded.state end,
       state_at = case when f.state in ('quarantined', 'reported', 'damaged') and f.kind = excluded.kind
           or f.state = excluded.state then f.state_at else excluded.state_at end`,
    [JSON.stringify(rows), seen.state ?? 'suspect', at(seen.atMs), seen.passId],
  );
}

/**
 * Forgets what a whole look at a camera did not see again. Damaged footage is forgotten by the sample that finds it
 * good.
 */
export async function forgetUnseen(db: Db, internalId: number, passId: number): Promise<void> {
  await db.query(
    `delete from reconcile_finding where camera_id = $1::int and pass_id is distinct from $2::bigint
       and state in ('suspect', 'quarantined', 'reported') and kind <> 'wrong-bytes'`,
    [internalId, passId],
  );
}

/** As `forgetUnseen`, for what belongs to no camera. */
export async function forgetUnseenForeign(db: Db, passId: number): Promise<void> {
  await db.query(
    `delete from reconcile_finding where camera_id is null and pass_id is distinct from $1::bigint
       and state in ('suspect', 'reported')`,
    [passId],
  );
}

/** How many suspects a pass has seen, by what is to be done. */
export async function countSuspects(db: Db, passId: number): Promise<Record<string, number>> {
  const rows = await many(
    db,
    z.object({ verdict: z.string(), count: bigint }),
    `select verdict, count(*) as count from reconcile_finding where state = 'suspect' and pass_id = $1::bigint
     group by verdict`,
    [passId],
  );
  return Object.fromEntries(rows.map(({ verdict, count }) => [verdict, count]));
}

/** A page of what there is to do: a pass's suspects, and what has been in quarantine since before `quarantinedMs`. */
export function findingsToAct(
  db: Db,
  page: { passId: number; quarantinedMs: number; afterId: number; limit: number },
): Promise<Finding[]> {
  return many(
    db,
    findingRow,
    `${selectFinding}
     where f.id > $3::bigint and ((f.state = 'suspect' and f.pass_id = $1::bigint)
       or (f.state = 'quarantined' and f.state_at <= $2::timestamptz))
     order by f.id limit $4::int`,
    [page.passId, at(page.quarantinedMs), page.afterId, page.limit],
  );
}

/** Puts a finding into another state. @param change.evidence is added to what there is */
export async function settleFinding(
  db: Db,
  id: number,
  change: { state: FindingState; verdict?: Verdict; why?: string; atMs: number; evidence?: object },
): Promise<void> {
  await db.query(
    `update reconcile_finding set state = $2::text, why = coalesce($3::text, why), state_at = $4::timestamptz,
       verdict = coalesce($6::text, verdict), evidence = evidence || $5::jsonb
     where id = $1::bigint`,
    [
      id,
      change.state,
      change.why ?? null,
      at(change.atMs),
      JSON.stringify(change.evidence ?? {}),
      change.verdict ?? null,
    ],
  );
}

/** Forgets a finding: nothing is wrong any more. */
export async function forgetFinding(db: Db, id: number): Promise<void> {
  await db.query(`delete from reconcile_finding where id = $1::bigint`, [id]);
}

/** Forgets objects that are dealt with and about which nothing need be kept. What was lost stays. */
export async function forgetSettled(db: Db, beforeMs: number): Promise<void> {
  await db.query(
    `delete from reconcile_finding where state in ('catalogued', 'deleting') and state_at < $1::timestamptz
       and evidence = '{}'`,
    [at(beforeMs)],
  );
}

/** A page of findings, newest first. */
export function listFindings(
  db: Db,
  page: {
    state?: FindingState | undefined;
    cameraId?: string | undefined;
    beforeId?: number | undefined;
    limit: number;
  },
): Promise<Finding[]> {
  return many(
    db,
    findingRow,
    `${selectFinding}
     where ($1::text is null or f.state = $1::text) and ($2::uuid is null or c.public_id = $2::uuid)
       and ($3::bigint is null or f.id < $3::bigint)
     order by f.id desc limit $4::int`,
    [page.state ?? null, page.cameraId ?? null, page.beforeId ?? null, page.limit],
  );
}

/**
 * How many findings there are, by state, how many of them are held as evidence, and since when the oldest is.
 * @param of.missingSinceMs what was found missing before it is not counted
 */
export function countFindings(
  db: Db,
  of: { missingSinceMs: number },
): Promise<{ kind: FindingKind; state: FindingState; count: number; held: number; sinceMs: number }[]> {
  return many(
    db,
    z
      .object({
        kind: z.enum(findingKinds),
        state: z.enum(findingStates),
        count: bigint,
        held: bigint,
        since: instant,
      })
      .transform(({ since, ...row }) => ({ ...row, sinceMs: since })),
    `select kind, state, count(*) as count, count(*) filter (where held) as held, min(state_at) as since
     from reconcile_finding where state <> 'missing' or state_at >= $1::timestamptz
     group by kind, state order by kind, state`,
    [at(of.missingSinceMs)],
  );
}

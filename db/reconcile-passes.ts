import { z } from 'zod';
import { resumeWork, stopWork, type Breaker } from './breaker.ts';
import { at, bigint, instant, many, maybeOne, one, type Db, type Transaction } from './sql.ts';

export const passStates = ['wanted', 'running', 'done', 'stopped', 'abandoned'] as const;
export const reconcileStops = ['clock', 'too-many'] as const;

/** One comparison of the whole bucket with the whole catalogue. Times in ms since 1970. */
export interface ReconcilePass {
  id: number;
  state: (typeof passStates)[number];
  /** As the audit log names people; null: the schedule. */
  requestedBy: string | null;
  /** It only looks. */
  dryRun: boolean;
  createdAtMs: number;
  endedAtMs: number | null;
  /** Compared. */
  rows: number;
  objects: number;
  /** How many findings, by what is to be done about them. */
  found: Record<string, number>;
}

const passRow = z
  .object({
    id: bigint,
    state: z.enum(passStates),
    requested_by: z.string().nullable(),
    dry_run: z.boolean(),
    created_at: instant,
    ended_at: instant.nullable(),
    rows: bigint,
    objects: bigint,
    found: z.record(z.string(), z.number()),
  })
  .transform((row): ReconcilePass => ({
    id: row.id,
    state: row.state,
    requestedBy: row.requested_by,
    dryRun: row.dry_run,
    createdAtMs: row.created_at,
    endedAtMs: row.ended_at,
    rows: row.rows,
    objects: row.objects,
    found: row.found,
  }));

const columns = `id, state, requested_by, dry_run, created_at, ended_at, rows, objects, found`;

/** A worker that is lost is replaced within minutes; a pass that nobody has worked on for so long has no workflow. */
const abandonedMs = 3_600_000;

/** Asks for a pass that acts, unless one is waited for already. */
export async function requestPassOnce(db: Db, request: { by: string; nowMs: number }): Promise<void> {
  await db.query(
    `insert into reconcile_pass (state, requested_by, dry_run, created_at)
     select 'wanted', $1::text, false, $2::timestamptz
     where not exists (select from reconcile_pass where state = 'wanted' and not dry_run)`,
    [request.by, at(request.nowMs)],
  );
}

/** Asks for a pass; it is begun by the next workflow that looks. */
export function requestPass(db: Db, request: { by: string; dryRun: boolean; nowMs: number }): Promise<ReconcilePass> {
  return one(
    db,
    passRow,
    `insert into reconcile_pass (state, requested_by, dry_run, created_at)
     values ('wanted', $1::text, $2::boolean, $3::timestamptz) returning ${columns}`,
    [request.by, request.dryRun, at(request.nowMs)],
  );
}

/**
 * Begins the oldest pass that is asked for, else a scheduled one where that is wanted. Asked again by the same
 * workflow run it is the same pass.
 * @returns null when there is none to begin, or another one is at work
 */
export async function beginPass(
  tx: Transaction,
  work: { runId: string; scheduled: boolean; nowMs: number },
): Promise<ReconcilePass | null> {
  // One at a time; the next statement must see what the lock's last holder committed.
  await tx.query(`select from reconcile_state for update`);
  await tx.query(
    `update reconcile_pass set state = 'abandoned', ended_at = $1::timestamptz
     where state = 'running' and active_at < $2::timestamptz`,
    [at(work.nowMs), at(work.nowMs - abandonedMs)],
  );
  const running = await maybeOne(
    tx,
    z.object({ id: bigint, run_id: z.string().nullable() }),
    `select id, run_id from reconcile_pass where state = 'running'`,
  );
  if (running !== null && running.run_id !== work.runId) return null;
  if (work.scheduled && running === null) {
    await tx.query(
      `insert into reconcile_pass (state, created_at) select 'wanted', $1::timestamptz
       where not exists (select from reconcile_pass where state = 'wanted' and not dry_run)`,
      [at(work.nowMs)],
    );
  }
  return maybeOne(
    tx,
    passRow,
    `update reconcile_pass set state = 'running', run_id = $1::text, active_at = $2::timestamptz
     where id = (select id from reconcile_pass where state = 'running' or state = 'wanted'
       order by state <> 'running', id limit 1)
     returning ${columns}`,
    [work.runId, at(work.nowMs)],
  );
}

/** Notes that a pass is being worked on. */
export async function touchPass(db: Db, passId: number, nowMs: number): Promise<void> {
  await db.query(`update reconcile_pass set active_at = $2::timestamptz where id = $1::bigint`, [passId, at(nowMs)]);
}

/** Ends a pass, with what it has compared and what it found to do. */
export async function endPass(
  db: Db,
  passId: number,
  end: { state: 'done' | 'stopped'; rows: number; objects: number; found: Record<string, number>; nowMs: number },
): Promise<void> {
  await db.query(
    `update reconcile_pass set state = $2::text, rows = $3::bigint, objects = $4::bigint, found = $5::jsonb,
       ended_at = $6::timestamptz
     where id = $1::bigint and state = 'running'`,
    [passId, end.state, end.rows, end.objects, JSON.stringify(end.found), at(end.nowMs)],
  );
}

/** The last passes, newest first. */
export function listPasses(db: Db, limit: number): Promise<ReconcilePass[]> {
  return many(db, passRow, `select ${columns} from reconcile_pass order by id desc limit $1::int`, [limit]);
}

/** When a pass last compared everything and acted, or since when there is something to compare; null: nothing yet. */
export async function lastCompared(db: Db): Promise<number | null> {
  const { compared_at: comparedMs } = await one(
    db,
    z.object({ compared_at: instant.nullable() }),
    `select coalesce((select max(ended_at) from reconcile_pass where state = 'done' and not dry_run),
       (select min(created_at) from camera)) as compared_at`,
  );
  return comparedMs;
}

/** Forgets passes that ended before this. */
export async function forgetPasses(db: Db, beforeMs: number): Promise<void> {
  await db.query(`delete from reconcile_pass where ended_at < $1::timestamptz`, [at(beforeMs)]);
}

/** Why passes do not act, and how much an operator lets the next one touch. */
export interface ReconcileState {
  stopped: { reason: (typeof reconcileStops)[number]; text: string; atMs: number; found: number } | null;
  approved: number;
}

export function reconcileState(db: Db): Promise<ReconcileState> {
  return one(
    db,
    z
      .object({
        stopped_at: instant.nullable(),
        stop_reason: z.enum(reconcileStops).nullable(),
        stop_text: z.string().nullable(),
        stopped_found: bigint,
        approved_found: bigint,
      })
      .transform((row): ReconcileState => {
        const { stopped_at: atMs, stop_reason: reason, stopped_found: found } = row;
        const stopped = atMs === null || reason === null ? null : { reason, text: row.stop_text ?? '', atMs, found };
        return { stopped, approved: row.approved_found };
      }),
    `select stopped_at, stop_reason, stop_text, stopped_found, approved_found from reconcile_state`,
  );
}

const breaker: Breaker = {
  table: 'reconcile_state',
  found: 'stopped_found',
  approved: 'approved_found',
  name: 'Reconcile',
};

/** Lets no pass act until an operator resumes it. */
export async function stopReconcile(
  db: Db,
  stop: { reason: (typeof reconcileStops)[number]; text: string; atMs: number; found: number },
): Promise<void> {
  await stopWork(db, breaker, stop);
}

/** Lets passes act again; as much as was found when they were stopped. @throws AppError wrong-state */
export const resumeReconcile = (tx: Transaction): Promise<void> => resumeWork(tx, breaker);

/** What an operator has approved holds for one pass. */
export async function clearApproval(db: Db): Promise<void> {
  await db.query(`update reconcile_state set approved_found = 0 where approved_found > 0`);
}

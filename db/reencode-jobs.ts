import { z } from 'zod';
import { AppError } from '../errors.ts';
import { finishDueSql } from './finish-windows.ts';
import { heldSql } from './holds.ts';
import { at, bigint, instant, maybeOne, many, one, type Db, type Transaction } from './sql.ts';

/** Which footage is to be encoded again, and how. */
export interface ReencodeRange {
  cameraIds: readonly string[];
  profileId: string;
  fromMs: number;
  toMs: number;
}

/** What a bulk job would do. */
export interface ReencodePreview {
  windows: number;
  segments: number;
  durationMs: number;
  bytes: number;
  /** What a hold keeps as it is; not part of the figures above. */
  held: { segments: number; durationMs: number };
}

/**
 * Finished footage of these cameras in the range, but what bears the profile already; windows still open wait for their
 * finish. What is held is among it.
 */
const found = `from segment s join camera c on c.id = s.camera_id
  where c.public_id = any($1::uuid[]) and s.start_at >= $2::timestamptz and s.start_at < $3::timestamptz and s.state = 0
    and s.variant <> (select id from profile where public_id = $4::uuid)
    and c.status not in ('purging', 'purged')
    and not ${finishDueSql('s')}`;

const held = heldSql('s', '$6');

/** Of bulk work; how footage was finished before does not matter. */
const windowMs = 600_000;

function rangeValues(range: ReencodeRange, nowMs: number): unknown[] {
  return [range.cameraIds, at(range.fromMs), at(range.toMs), range.profileId, windowMs, at(nowMs)];
}

/** How much footage a bulk job would encode. */
export function previewReencode(db: Db, range: ReencodeRange, nowMs: number): Promise<ReencodePreview> {
  return one(
    db,
    z
      .object({
        windows: bigint,
        segments: bigint,
        durationMs: bigint,
        bytes: bigint,
        heldSegments: bigint,
        heldMs: bigint,
      })
      .transform(({ heldSegments, heldMs, ...row }): ReencodePreview => ({
        ...row,
        held: { segments: heldSegments, durationMs: heldMs },
      })),
    `select count(distinct f.place) filter (where not f.held) as windows,
       count(*) filter (where not f.held) as segments, count(*) filter (where f.held) as "heldSegments",
       coalesce(sum(f.duration_ms) filter (where not f.held), 0) as "durationMs",
       coalesce(sum(f.duration_ms) filter (where f.held), 0) as "heldMs",
       coalesce(sum(f.bytes) filter (where not f.held), 0) as bytes
     from (
       select s.duration_ms, s.bytes, ${held} as held,
         (s.camera_id, floor(extract(epoch from s.start_at) * 1000 / $5::int)) as place
       ${found}) as f`,
    rangeValues(range, nowMs),
  );
}

/** Starts a bulk job: its windows go into the backlog, behind all others. @returns its id */
export async function startReencode(tx: Transaction, range: ReencodeRange, nowMs: number): Promise<string> {
  const made = await maybeOne(
    tx,
    z.object({ id: z.number(), public_id: z.string() }),
    `insert into reencode (profile_id, from_at, to_at)
     select id, $2::timestamptz, $3::timestamptz from profile where public_id = $1::uuid returning id, public_id`,
    [range.profileId, at(range.fromMs), at(range.toMs)],
  );
  if (made === null) throw new AppError('not-found', 'There is no such profile.');
  await tx.query(
    `insert into finish_window (camera_id, window_start_at, window_ms, reencode_id)
     select distinct s.camera_id, to_timestamp(floor(extract(epoch from s.start_at) * 1000 / $5::int) * $5::int / 1000),
       $5::int, $7::int
     ${found} and not ${held}`,
    [...rangeValues(range, nowMs), made.id],
  );
  return made.public_id;
}

export type ReencodeState = 'running' | 'paused' | 'cancelled' | 'done';

/** A bulk job and how far it is. */
export interface Reencode {
  id: string;
  profileId: string;
  fromMs: number;
  toMs: number;
  state: ReencodeState;
  createdMs: number;
  windows: number;
  done: number;
  parked: number;
  /** Of the windows that are done. */
  sourceBytes: number;
  finalBytes: number;
}

const reencodeRow = z
  .object({
    public_id: z.string(),
    profile_id: z.string(),
    from_at: instant,
    to_at: instant,
    state: z.enum(['running', 'paused', 'cancelled']),
    created_at: instant,
    windows: bigint,
    done: bigint,
    parked: bigint,
    source_bytes: bigint,
    final_bytes: bigint,
  })
  .transform((row): Reencode => ({
    id: row.public_id,
    profileId: row.profile_id,
    fromMs: row.from_at,
    toMs: row.to_at,
    state: row.state !== 'cancelled' && row.done + row.parked === row.windows ? 'done' : row.state,
    createdMs: row.created_at,
    windows: row.windows,
    done: row.done,
    parked: row.parked,
    sourceBytes: row.source_bytes,
    finalBytes: row.final_bytes,
  }));

const selectReencode = `select r.public_id, p.public_id as profile_id, r.from_at, r.to_at, r.state, r.created_at,
    count(w.*) as windows, count(w.*) filter (where w.state = 'done') as done,
    count(w.*) filter (where w.state = 'parked') as parked, coalesce(sum(w.source_bytes), 0) as source_bytes,
    coalesce(sum(w.final_bytes), 0) as final_bytes
  from reencode r join profile p on p.id = r.profile_id left join finish_window w on w.reencode_id = r.id`;

/** The bulk jobs, newest first. */
export function listReencodes(db: Db, limit: number): Promise<Reencode[]> {
  return many(db, reencodeRow, `${selectReencode} group by r.id, p.id order by r.id desc limit $1::int`, [limit]);
}

/** A bulk job, or null. */
export function reencodeById(db: Db, id: string): Promise<Reencode | null> {
  return maybeOne(db, reencodeRow, `${selectReencode} where r.public_id = $1::uuid group by r.id, p.id`, [id]);
}

/**
 * Pauses, resumes or cancels a bulk job. What is being encoded just now is still finished; a cancelled job leaves what
 * is not done as it is, for ever.
 * @returns its state before
 * @throws AppError not-found, wrong-state
 */
export async function changeReencode(
  tx: Transaction,
  id: string,
  to: 'running' | 'paused' | 'cancelled',
): Promise<string> {
  const changed = await maybeOne(
    tx,
    z.object({ id: z.number(), before: z.string() }),
    `update reencode r set state = $2::text
     from (select id, state from reencode where public_id = $1::uuid and state <> 'cancelled' for update) as known
     where r.id = known.id returning r.id, known.state as before`,
    [id, to],
  );
  if (changed === null) {
    const known = await reencodeById(tx, id);
    if (known === null) throw new AppError('not-found', 'There is no such job.');
    throw new AppError('wrong-state', 'This job was cancelled; start another one.');
  }
  if (to === 'cancelled') {
    await tx.query(`delete from finish_window where reencode_id = $1::int and state in ('open', 'parked')`, [
      changed.id,
    ]);
  }
  return changed.before;
}

/** Bytes of finals and milliseconds of footage finished since then: the present rate. */
export function finishRate(db: Db, sinceMs: number): Promise<{ windows: number; windowMs: number }> {
  return one(
    db,
    z.object({ windows: bigint, windowMs: bigint }),
    `select count(*) as windows, coalesce(sum(window_ms), 0) as "windowMs" from finish_window
     where state = 'done' and final_bytes > 0 and queue = 'encode' and finished_at > $1::timestamptz`,
    [at(sinceMs)],
  );
}

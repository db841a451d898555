import { z } from 'zod';
import { slotsTogether } from '../domain/encoder-ceiling.ts';
import { at, instant, many, type Db } from './sql.ts';

/** A worker process that finishes footage. Times in ms since 1970. */
export interface EncoderWorker {
  workerId: string;
  host: string;
  /** `none`: it only joins. */
  kind: string;
  slots: number;
  used: number;
  joinSlots: number;
  joinUsed: number;
  /** Encoding sessions the host's driver gave last; null = no limit was met. */
  ceiling: number | null;
  ceilingReason: string | null;
  /** Why this kind. */
  reason: string;
  /** The recorder's spool that it can read; null: none. */
  spoolHostId: string | null;
  seenMs: number;
}

/** Workers report every 5 s; three reports may be late or lost. */
export const encoderAliveMs = 15_000;

/** A worker's sign of life. */
export async function upsertEncoder(db: Db, worker: EncoderWorker): Promise<void> {
  await db.query(
    `insert into encoder (worker_id, host, kind, slots, used, join_slots, join_used, ceiling, ceiling_reason, reason, seen_at,
       spool_host_id)
     values ($1::uuid, $2::text, $3::text, $4::int, $5::int, $6::int, $7::int, $8::int, $9::text, $10::text,
       $11::timestamptz, $12::uuid)
     on conflict (worker_id) do update set kind = excluded.kind, slots = excluded.slots, used = excluded.used,
       join_slots = excluded.join_slots, join_used = excluded.join_used, ceiling = excluded.ceiling,
       ceiling_reason = excluded.ceiling_reason, reason = excluded.reason, seen_at = excluded.seen_at,
       spool_host_id = excluded.spool_host_id`,
    [
      worker.workerId,
      worker.host,
      worker.kind,
      worker.slots,
      worker.used,
      worker.joinSlots,
      worker.joinUsed,
      worker.ceiling,
      worker.ceilingReason,
      worker.reason,
      at(worker.seenMs),
      worker.spoolHostId,
    ],
  );
}

/** A worker that stops says so: its slots are not counted any more. Forgets those that are gone for an hour, too. */
export async function removeEncoder(db: Db, workerId: string, nowMs: number): Promise<void> {
  await db.query(`delete from encoder where worker_id = $1::uuid or seen_at < $2::timestamptz - interval '1 hour'`, [
    workerId,
    at(nowMs),
  ]);
}

/** The workers that live, by host. */
export function liveEncoders(db: Db, nowMs: number): Promise<EncoderWorker[]> {
  return many(
    db,
    z
      .object({
        worker_id: z.string(),
        host: z.string(),
        kind: z.string(),
        slots: z.number(),
        used: z.number(),
        join_slots: z.number(),
        join_used: z.number(),
        ceiling: z.number().nullable(),
        ceiling_reason: z.string().nullable(),
        reason: z.string(),
        spool_host_id: z.string().nullable(),
        seen_at: instant,
      })
      .transform((row): EncoderWorker => ({
        workerId: row.worker_id,
        host: row.host,
        kind: row.kind,
        slots: row.slots,
        used: row.used,
        joinSlots: row.join_slots,
        joinUsed: row.join_used,
        ceiling: row.ceiling,
        ceilingReason: row.ceiling_reason,
        reason: row.reason,
        spoolHostId: row.spool_host_id,
        seenMs: row.seen_at,
      })),
    `select worker_id, host, kind, slots, used, join_slots, join_used, ceiling, ceiling_reason, reason, spool_host_id,
       seen_at
     from encoder where seen_at > $1::timestamptz order by host, worker_id`,
    [at(nowMs - encoderAliveMs)],
  );
}

/** Windows that wait or are at work, by class. */
export interface FinishQueue {
  tier: 'critical' | 'normal' | 'bulk';
  waiting: number;
  started: number;
  parked: number;
  /** End of the oldest window that waits or is at work; null = none. */
  oldestEndMs: number | null;
}

/** The backlog by class; windows that are still being recorded do not count. */
export function finishQueues(db: Db, nowMs: number): Promise<FinishQueue[]> {
  return many(
    db,
    z
      .object({
        tier: z.enum(['critical', 'normal', 'bulk']),
        waiting: z.coerce.number(),
        started: z.coerce.number(),
        parked: z.coerce.number(),
        oldest: instant.nullable(),
      })
      .transform((row): FinishQueue => ({
        tier: row.tier,
        waiting: row.waiting,
        started: row.started,
        parked: row.parked,
        oldestEndMs: row.oldest,
      })),
    `select class.tier, count(*) filter (where w.state = 'open') as waiting,
       count(*) filter (where w.state = 'started') as started, count(*) filter (where w.state = 'parked') as parked,
       min(w.window_start_at + w.window_ms * interval '1 ms') filter (where w.state <> 'parked') as oldest
     from unnest(array['critical', 'normal', 'bulk']) with ordinality as class (tier, place)
     left join (
       select f.*, case when f.reencode_id <> 0 then 'bulk' else c.tier end as tier
       from finish_window f join camera c on c.id = f.camera_id
       where f.state in ('open', 'started', 'parked') and c.status not in ('purging', 'purged')
         and f.window_start_at + f.window_ms * interval '1 ms' <= $1::timestamptz
     ) w on w.tier = class.tier
     group by class.tier, class.place order by class.place`,
    [at(nowMs)],
  );
}

/** How many slots the live workers have together. */
export async function encoderSlots(db: Db, nowMs: number): Promise<{ encode: number; join: number }> {
  const workers = await liveEncoders(db, nowMs);
  return { encode: slotsTogether(workers), join: workers.reduce((sum, { joinSlots }) => sum + joinSlots, 0) };
}

import { z } from 'zod';
import { dayMs } from '../domain/retention.ts';
import { at, instant, many, type Db } from './sql.ts';

/**
 * `down`: an encoder is left out until it works again; `up`: it does; `job`: one job had to leave it;
 * `ceiling-…`: the driver gives fewer or more sessions than it did.
 */
export const encoderStepKinds = ['down', 'up', 'job', 'ceiling-dropped', 'ceiling-risen'] as const;

/** A step down the ladder of encoders or back up, or a change of the sessions a host's driver gives. */
export interface EncoderStep {
  host: string;
  atMs: number;
  kind: (typeof encoderStepKinds)[number];
  /** Null for `up`. */
  fromKind: string | null;
  /** Null where no encoder is left: the sources stay as they are. */
  toKind: string | null;
  /** Sessions at once, of a change of the ceiling. */
  ceiling: number | null;
  reason: string;
}

/** A stream that one card cannot take gives a step a window: kept for as long as anybody asks about an outage. */
const keptMs = 30 * dayMs;

/** Notes a step, and forgets those of the host that are 30 days old. */
export async function addEncoderStep(db: Db, step: EncoderStep): Promise<void> {
  await db.query(
    `with old as (delete from encoder_step where host = $1::text and at < $8::timestamptz)
     insert into encoder_step (host, at, kind, from_kind, to_kind, ceiling, reason)
     values ($1::text, $2::timestamptz, $3::text, $4::text, $5::text, $6::int, $7::text)`,
    [
      step.host,
      at(step.atMs),
      step.kind,
      step.fromKind,
      step.toKind,
      step.ceiling,
      step.reason,
      at(step.atMs - keptMs),
    ],
  );
}

/** The newest steps first. */
export function encoderSteps(db: Db, limit: number): Promise<EncoderStep[]> {
  return many(
    db,
    z
      .object({
        host: z.string(),
        at: instant,
        kind: z.enum(encoderStepKinds),
        from_kind: z.string().nullable(),
        to_kind: z.string().nullable(),
        ceiling: z.number().nullable(),
        reason: z.string(),
      })
      .transform((row): EncoderStep => ({
        host: row.host,
        atMs: row.at,
        kind: row.kind,
        fromKind: row.from_kind,
        toKind: row.to_kind,
        ceiling: row.ceiling,
        reason: row.reason,
      })),
    `select host, at, kind, from_kind, to_kind, ceiling, reason from encoder_step order by at desc, id desc
     limit $1::int`,
    [limit],
  );
}

/** How many steps of each kind a host made since then. */
export function countEncoderSteps(
  db: Db,
  sinceMs: number,
): Promise<{ host: string; kind: EncoderStep['kind']; count: number }[]> {
  return many(
    db,
    z.object({ host: z.string(), kind: z.enum(encoderStepKinds), count: z.coerce.number() }),
    `select host, kind, count(*) as count from encoder_step where at > $1::timestamptz group by host, kind
     order by host, kind`,
    [at(sinceMs)],
  );
}

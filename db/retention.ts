import { z } from 'zod';
import { changeOfRetention, retentionInForce, type RetentionPause, type RetentionTerms } from '../domain/retention.ts';
import { lockCamera, noSuchCamera } from './cameras.ts';
import type { Clocks } from './clock.ts';
import { at, instant, many, maybeOne, type Db, type Transaction } from './sql.ts';

/** A camera and how long its footage is kept. */
export interface CameraTerms extends RetentionTerms {
  internalId: number;
  cameraId: string;
  tenantId: string;
  name: string;
}

const pause = z.tuple([z.number(), z.number()]);
const termsRow = z
  .object({
    id: z.number(),
    public_id: z.string(),
    tenant_id: z.string(),
    name: z.string(),
    retention_days: z.number(),
    next_retention_days: z.number().nullable(),
    next_retention_at: instant.nullable(),
    sooner_retention: z.array(z.object({ days: z.number(), atMs: z.number() })),
    frozen_at: instant.nullable(),
    rolling_at: instant.nullable(),
    pauses: z.array(pause),
  })
  .transform((row): CameraTerms => {
    const { next_retention_days: days, next_retention_at: atMs, sooner_retention: sooner } = row;
    const pauses: RetentionPause[] = row.pauses.map(([startMs, endMs]) => ({ startMs, endMs }));
    const voidFromMs = row.rolling_at ?? undefined;
    return {
      internalId: row.id,
      cameraId: row.public_id,
      tenantId: row.tenant_id,
      name: row.name,
      days: row.retention_days,
      next: days === null || atMs === null ? null : { days, atMs, sooner },
      pauses: row.frozen_at === null ? pauses : [...pauses, { startMs: row.frozen_at, endMs: null, voidFromMs }],
    };
  });

/** A purged camera's footage goes by the purge's rules, whole. */
const selectTerms = `select c.id, c.public_id, t.public_id as tenant_id, c.name, c.retention_days,
    c.next_retention_days, c.next_retention_at, c.sooner_retention,
    case when t.grace_archive = 'frozen' and c.retired_at is not null then least(c.retired_at, c.frozen_at) end
      as frozen_at, t.rolling_at,
    (select coalesce(json_agg(json_build_array(
       (extract(epoch from p.start_at) * 1000)::bigint, (extract(epoch from p.end_at) * 1000)::bigint)
       order by p.start_at), '[]')
     from retention_pause p where p.camera_id = c.id) as pauses
  from camera c join tenant t on t.id = c.tenant_id
  where c.status not in ('purging', 'purged')`;

/** The terms of all cameras whose footage ages, in the order of their internal ids. */
export function allTerms(
  db: Db,
  of: { cameraId?: string | undefined; tenantId?: string | undefined } = {},
): Promise<CameraTerms[]> {
  return many(
    db,
    termsRow,
    `${selectTerms} and ($1::uuid is null or c.public_id = $1::uuid)
       and ($2::uuid is null or t.public_id = $2::uuid) order by c.id`,
    [of.cameraId ?? null, of.tenantId ?? null],
  );
}

/** The terms of a camera, or null when it is purged or not there. */
export function termsOf(db: Db, cameraId: string): Promise<CameraTerms | null> {
  return maybeOne(db, termsRow, `${selectTerms} and c.public_id = $1::uuid`, [cameraId]);
}

/** The terms of a camera. @throws AppError not-found when it is purged or not there */
export async function knownTerms(db: Db, cameraId: string): Promise<CameraTerms> {
  const terms = await termsOf(db, cameraId);
  if (terms === null) throw noSuchCamera();
  return terms;
}

/**
 * The terms of a camera, which cannot change until the transaction ends, and neither can its holds.
 * @returns null when it is purged meanwhile
 */
export async function lockTerms(tx: Transaction, internalId: number): Promise<CameraTerms | null> {
  // The tenant before its camera, as whoever locks both does: a deletion, rolling grace that comes into force.
  await tx.query(`select from tenant where id = (select tenant_id from camera where id = $1::int) for share`, [
    internalId,
  ]);
  // On its own: the next statement must see what the lock's last holder committed.
  await tx.query(`select from camera where id = $1::int for share`, [internalId]);
  return maybeOne(tx, termsRow, `${selectTerms} and c.id = $1::int`, [internalId]);
}

/**
 * Asks for another retention: a longer one holds at once, for all that is not deleted yet; a shorter one after
 * `shorteningDelayMs`, see `changeOfRetention`. One that is due is put in force by it.
 * @throws AppError not-found
 */
export async function changeRetention(
  tx: Transaction,
  cameraId: string,
  days: number,
  clocks: Clocks,
): Promise<{ before: CameraTerms; after: CameraTerms }> {
  const before = await lockedForChange(tx, cameraId);
  return { before, after: await setRetention(tx, before, changeOfRetention(before, days, clocks)) };
}

/**
 * Undoes a shorter retention that is not in force yet; one that is due is put in force.
 * @param nowMs the earlier of the clocks there are: what is due by one of them can still be undone
 * @throws AppError not-found
 */
export async function undoShortening(
  tx: Transaction,
  cameraId: string,
  nowMs: number,
): Promise<{ before: CameraTerms; after: CameraTerms }> {
  const before = await lockedForChange(tx, cameraId);
  const { days } = retentionInForce(before, nowMs);
  return { before, after: await setRetention(tx, before, { days, next: null }) };
}

async function setRetention(
  tx: Transaction,
  camera: CameraTerms,
  { days, next }: Pick<CameraTerms, 'days' | 'next'>,
): Promise<CameraTerms> {
  await tx.query(
    `update camera set retention_days = $2::int, next_retention_days = $3::int, next_retention_at = $4::timestamptz,
       sooner_retention = $5::jsonb
     where id = $1::int`,
    [camera.internalId, days, next?.days ?? null, at(next?.atMs), JSON.stringify(next?.sooner ?? [])],
  );
  return { ...camera, days, next };
}

async function lockedForChange(tx: Transaction, cameraId: string): Promise<CameraTerms> {
  await lockCamera(tx, cameraId);
  return knownTerms(tx, cameraId);
}

/** Puts shorter retentions whose delay is over in force. @returns the terms of each, before and after */
export async function applyShortenings(
  tx: Transaction,
  nowMs: number,
): Promise<{ before: CameraTerms; after: CameraTerms }[]> {
  const due = `coalesce(to_timestamp((sooner_retention -> 0 -> 'atMs')::bigint / 1000.0), next_retention_at)
    <= $1::timestamptz`;
  await tx.query(`select from camera where ${due} order by id for update`, [at(nowMs)]);
  const found = await many(tx, termsRow, `${selectTerms} and ${due} order by c.id`, [at(nowMs)]);
  const changes = [];
  for (const before of found) {
    changes.push({ before, after: await setRetention(tx, before, retentionInForce(before, nowMs)) });
  }
  return changes;
}

/**
 * Notes that a camera's footage did not age, from its retirement until it came back.
 * @param nowMs the earlier of the clocks there are: where grace rolls by then, footage did age
 */
export async function notePause(
  db: Db,
  internalId: number,
  pauseMs: { startMs: number; endMs: number },
  nowMs: number,
): Promise<void> {
  await db.query(
    `insert into retention_pause (camera_id, start_at, end_at)
     select c.id, $2::timestamptz, $3::timestamptz from camera c join tenant t on t.id = c.tenant_id
     where c.id = $1::int and t.grace_archive = 'frozen' and $2::timestamptz < $3::timestamptz
       and coalesce(t.rolling_at > $4::timestamptz, true)
     on conflict do nothing`,
    [internalId, at(pauseMs.startMs), at(pauseMs.endMs), at(nowMs)],
  );
}

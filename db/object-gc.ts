import { z } from 'zod';
import { objectColumns, objectShape, toObjectRow, type ObjectRow } from './object-row.ts';
import { at, instant, many, type Db, type Transaction } from './sql.ts';

/** Lets objects be deleted, not before `notBeforeMs`; in the transaction of what made them useless. */
export async function enqueue(db: Db, keys: readonly string[], reason: string, notBeforeMs: number): Promise<void> {
  await db.query(
    `insert into object_gc (key, reason, not_before)
     select key, $2::text, $3::timestamptz from unnest($1::text[]) as key
     on conflict (key) do nothing`,
    [keys, reason, at(notBeforeMs)],
  );
}

/** The keys that may be deleted now, oldest first, with what made them useless. */
export function due(db: Db, nowMs: number, limit: number): Promise<{ key: string; reason: string }[]> {
  return many(
    db,
    z.object({ key: z.string(), reason: z.string() }),
    `select key, reason from object_gc where not_before <= $1::timestamptz order by not_before, key limit $2::int`,
    [at(nowMs), limit],
  );
}

/** Forgets keys whose objects are seen to be gone. */
export async function done(db: Db, keys: readonly string[]): Promise<void> {
  await db.query(`delete from object_gc where key = any($1::text[])`, [keys]);
}

/** As `due`, locked until the transaction ends; those that somebody else has are left out. */
export function collectable(tx: Transaction, nowMs: number, limit: number): Promise<{ key: string; reason: string }[]> {
  return many(
    tx,
    z.object({ key: z.string(), reason: z.string() }),
    `select key, reason from object_gc where not_before <= $1::timestamptz order by not_before, key limit $2::int
     for update skip locked`,
    [at(nowMs), limit],
  );
}

/**
 * Which of these objects a row of the catalogue needs, as `<camera> <start ms> <hash prefix>`; one that is being
 * deleted counts, since whoever deletes it does so by its own protocol.
 * @param names with the hash's first 16 hex digits
 */
export async function findCatalogued(
  db: Db,
  names: readonly { cameraId: string; startMs: number; sha256: string }[],
): Promise<Set<string>> {
  const rows = await many(
    db,
    z.object({ camera_id: z.string(), start_at: instant, sha256: z.string() }),
    `select wanted.camera_id::text, wanted.start_at, wanted.sha256
     from unnest($1::uuid[], $2::timestamptz[], $3::text[]) as wanted (camera_id, start_at, sha256)
     join camera c on c.public_id = wanted.camera_id
     join segment s on s.camera_id = c.id and s.start_at = wanted.start_at
     where left(encode(s.sha256, 'hex'), 16) = wanted.sha256`,
    [names.map(({ cameraId }) => cameraId), names.map(({ startMs }) => at(startMs)), names.map(({ sha256 }) => sha256)],
  );
  return new Set(rows.map((row) => `${row.camera_id} ${row.start_at} ${row.sha256}`));
}

/**
 * Whether a row of the catalogue needs this object; one that is being deleted does not: stored again, the object would
 * outlive its row.
 * @param object.sha256 hex, the whole hash
 */
export async function isCatalogued(
  db: Db,
  object: { cameraId: string; startMs: number; sha256: string },
): Promise<boolean> {
  const { rowCount } = await db.query(
    `select from segment where camera_id = (select id from camera where public_id = $1::uuid)
       and start_at = $2::timestamptz and sha256 = decode($3::text, 'hex') and state = 0`,
    [object.cameraId, at(object.startMs), object.sha256],
  );
  return rowCount === 1;
}

/**
 * The object that holds the footage of a source which a finish job has replaced, as the catalogue has it.
 * @returns by `<camera> <start ms>` of the source; none where no live row has its time
 */
export async function replacementsOf(
  db: Db,
  sources: readonly { cameraId: string; startMs: number }[],
): Promise<Map<string, ObjectRow & { tenantId: string; cameraId: string }>> {
  if (sources.length === 0) return new Map();
  const rows = await many(
    db,
    objectShape.extend({ camera_id: z.string(), tenant_id: z.string(), wanted_at: instant }),
    `select c.public_id as camera_id, t.public_id as tenant_id, wanted.start_at as wanted_at, s.*
     from unnest($1::uuid[], $2::timestamptz[]) as wanted (camera_id, start_at)
     join camera c on c.public_id = wanted.camera_id join tenant t on t.id = c.tenant_id
     cross join lateral (
       select ${objectColumns} from segment
       where camera_id = c.id and start_at <= wanted.start_at and state = 0 order by start_at desc limit 1) s
     where s.start_at + s.duration_ms * interval '1 ms' > wanted.start_at`,
    [sources.map(({ cameraId }) => cameraId), sources.map(({ startMs }) => at(startMs))],
  );
  return new Map(
    rows.map((row) => [
      `${row.camera_id} ${row.wanted_at}`,
      { tenantId: row.tenant_id, cameraId: row.camera_id, ...toObjectRow(row) },
    ]),
  );
}

/** Keys below a prefix that wait since finish jobs have replaced their objects. */
export function finishedBelow(db: Db, prefix: string): Promise<string[]> {
  return many(
    db,
    z.object({ key: z.string() }).transform((row) => row.key),
    `select key from object_gc where reason = 'finished' and starts_with(key, $1::text) order by key`,
    [prefix],
  );
}

/** Lets keys wait longer, whose objects are needed for all we know. */
export async function keepUntil(db: Db, keys: readonly string[], notBeforeMs: number): Promise<void> {
  await db.query(`update object_gc set not_before = $2::timestamptz where key = any($1::text[])`, [
    keys,
    at(notBeforeMs),
  ]);
}

/** Lets keys whose objects the store refuses to delete wait longer, and notes since when it does. */
export async function postpone(
  db: Db,
  keys: readonly string[],
  refusal: { nowMs: number; notBeforeMs: number },
): Promise<void> {
  await db.query(
    `update object_gc set not_before = $2::timestamptz, refused_since = coalesce(refused_since, $3::timestamptz)
     where key = any($1::text[])`,
    [keys, at(refusal.notBeforeMs), at(refusal.nowMs)],
  );
}

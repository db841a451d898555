import { z } from 'zod';
import { at, many, type Db } from './sql.ts';

/** Lets objects be deleted, not before `notBeforeMs`; in the transaction of what made them useless. */
export async function enqueue(db: Db, keys: readonly string[], reason: string, notBeforeMs: number): Promise<void> {
  await db.query(
    `insert into object_gc (key, reason, not_before)
     select key, $2::text, $3::timestamptz from unnest($1::text[]) as key
     on conflict (key) do nothing`,
    [keys, reason, at(notBeforeMs)],
  );
}

/** The keys that may be deleted now, oldest first. */
export function due(db: Db, nowMs: number, limit: number): Promise<string[]> {
  return many(
    db,
    z.object({ key: z.string() }).transform((row) => row.key),
    `select key from object_gc where not_before <= $1::timestamptz order by not_before, key limit $2::int`,
    [at(nowMs), limit],
  );
}

/** Forgets keys whose objects are seen to be gone. */
export async function done(db: Db, keys: readonly string[]): Promise<void> {
  await db.query(`delete from object_gc where key = any($1::text[])`, [keys]);
}

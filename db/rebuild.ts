import { Client } from 'pg';
import { z } from 'zod';
import { defaultProfile } from './profiles.ts';
import { instant, many, one, type Db, type Transaction } from './sql.ts';

/** Makes an empty database beside the given one. @returns its URL */
export async function createDatabaseBeside(databaseUrl: string, name: string): Promise<string> {
  await onServer(databaseUrl, `create database ${name}`);
  const url = new URL(databaseUrl);
  url.pathname = `/${name}`;
  return url.href;
}

/** Drops a database that `createDatabaseBeside` made. */
export async function dropDatabaseBeside(databaseUrl: string, name: string): Promise<void> {
  await onServer(databaseUrl, `drop database if exists ${name} with (force)`);
}

async function onServer(databaseUrl: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/**
 * Makes a camera that only its objects tell of: under its id, paused, kept as long as can be, without an address.
 * @returns its internal id
 */
export async function insertRebuiltCamera(
  tx: Transaction,
  camera: { tenantId: string; cameraId: string },
): Promise<number> {
  const profile = await defaultProfile(tx);
  await tx.query(
    `insert into tenant (public_id, name) values ($1::uuid, 'rebuilt ' || $1::text) on conflict (public_id) do nothing`,
    [camera.tenantId],
  );
  const { id } = await one(
    tx,
    z.object({ id: z.number() }),
    `insert into camera (public_id, tenant_id, name, sealed_url, url_redacted, tier, profile_id, retention_days, intent,
       status, created_at)
     select $2::uuid, t.id, 'rebuilt ' || $2::text, '', '', 'normal', p.id, 366, 'paused', 'paused', 'epoch'
     from tenant t, profile p where t.public_id = $1::uuid and p.public_id = $3::uuid
     returning id`,
    [camera.tenantId, camera.cameraId, profile.id],
  );
  await tx.query(`insert into camera_lease (camera_id, last_end_at, wanted) values ($1::int, 'epoch', false)`, [id]);
  return id;
}

/** Each camera with live rows, and from when to when they begin. */
export function archiveBounds(
  db: Db,
): Promise<{ internalId: number; cameraId: string; fromMs: number; toMs: number }[]> {
  return many(
    db,
    z
      .object({ id: z.number(), public_id: z.string(), from_at: instant, to_at: instant })
      .transform((row) => ({ internalId: row.id, cameraId: row.public_id, fromMs: row.from_at, toMs: row.to_at })),
    `select c.id, c.public_id, bounds.from_at, bounds.to_at
     from camera c cross join lateral (
       select min(start_at) as from_at, max(start_at) as to_at from segment where camera_id = c.id and state = 0
     ) as bounds
     where bounds.from_at is not null order by c.id`,
  );
}

import { z } from 'zod';
import { cameraStates, type CameraState } from '../domain/camera.ts';
import { gapReasons, type GapReason } from '../domain/gap-reason.ts';
import type { GapEvidence } from '../domain/gaps.ts';
import { gapEvidence } from './gaps.ts';
import { at, bigint, instant, many, type Db } from './sql.ts';

/** What happened to a camera; triggers of the schema write these, whoever makes the change. Times in ms since 1970. */
export type CameraEvent = { id: number; atMs: number } & (
  | { kind: 'state'; from: CameraState; state: CameraState; reason: string | null }
  /** A recorder took the camera's next epoch. */
  | { kind: 'session'; epoch: number; hostId: string | null; workflowRunId: string | null }
  | { kind: 'first-frame'; epoch: number; hostId: string | null }
  /** Footage stopped, its explanation changed, or it came back: a reconnect, with what was tried meanwhile. */
  | { kind: 'gap-opened' | 'gap-reason' | 'gap-closed'; startMs: number; reason: GapReason; evidence: GapEvidence }
  /** A window of footage could not be finished; it plays as it was recorded. */
  | { kind: 'window-parked'; startMs: number; windowMs: number; failure: string | null; text: string | null }
);

const bodies = {
  state: z.object({ from: z.enum(cameraStates), state: z.enum(cameraStates), reason: z.string().nullable() }),
  session: z.object({ epoch: z.number(), hostId: z.string().nullable(), workflowRunId: z.string().nullable() }),
  'first-frame': z.object({ epoch: z.number(), hostId: z.string().nullable() }),
  gap: z.object({ startMs: z.number(), reason: z.enum(gapReasons), evidence: gapEvidence }),
  parked: z.object({
    startMs: z.number(),
    windowMs: z.number(),
    failure: z.string().nullable(),
    text: z.string().nullable(),
  }),
};

const eventRow = z
  .object({
    id: bigint,
    at: instant,
    kind: z.enum(['state', 'session', 'first-frame', 'gap-opened', 'gap-reason', 'gap-closed', 'window-parked']),
    body: z.unknown(),
  })
  .transform(({ id, at: atMs, kind, body }): CameraEvent => {
    if (kind === 'state') return { id, atMs, kind, ...bodies.state.parse(body) };
    if (kind === 'session') return { id, atMs, kind, ...bodies.session.parse(body) };
    if (kind === 'first-frame') return { id, atMs, kind, ...bodies['first-frame'].parse(body) };
    if (kind === 'window-parked') return { id, atMs, kind, ...bodies.parked.parse(body) };
    return { id, atMs, kind, ...bodies.gap.parse(body) };
  });

/** A page of a camera's events within a range, newest first. @param page.beforeId id of the page before's last one */
export function eventsOf(
  db: Db,
  cameraId: string,
  range: { fromMs: number; toMs: number },
  page: { beforeId?: number | undefined; limit: number },
): Promise<CameraEvent[]> {
  return many(
    db,
    eventRow,
    `select id, at, kind, body from camera_event
     where camera_id = (select id from camera where public_id = $1::uuid)
       and at >= $2::timestamptz and at < $3::timestamptz and ($4::bigint is null or id < $4::bigint)
     order by id desc limit $5::int`,
    [cameraId, at(range.fromMs), at(range.toMs), page.beforeId ?? null, page.limit],
  );
}

/** When each wanted camera came back since `sinceMs`, oldest first; for telling which ones flap. */
export function reconnectsSince(
  db: Db,
  sinceMs: number,
): Promise<{ cameraId: string; name: string; backMs: number[] }[]> {
  return many(
    db,
    z
      .object({ public_id: z.string(), name: z.string(), back: z.array(instant) })
      .transform((row) => ({ cameraId: row.public_id, name: row.name, backMs: row.back })),
    `select c.public_id, c.name, array_agg(e.at order by e.at) as back
     from camera_event e join camera c on c.id = e.camera_id
     where e.kind = 'gap-closed' and e.at >= $1::timestamptz and c.intent = 'record'
       and e.body ->> 'reason' not in ('operator', 'paused', 'deploy')
     group by c.id having count(*) > 2 order by c.id`,
    [at(sinceMs)],
  );
}

/** Forgets up to `limit` events older than this. @returns how many went */
export async function forgetEvents(db: Db, beforeMs: number, limit: number): Promise<number> {
  const { rowCount } = await db.query(
    `delete from camera_event where id in
       (select id from camera_event where at < $1::timestamptz order by at limit $2::int)`,
    [at(beforeMs), limit],
  );
  return rowCount ?? 0;
}

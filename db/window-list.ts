import { z } from 'zod';
import type { WindowFailure } from '../domain/finish-window.ts';
import { instant, many, type Db } from './sql.ts';

/** The column `failures`. */
export const windowFailures = z.array(
  z
    .object({ host: z.string(), failure: z.string(), text: z.string(), at: z.iso.datetime() })
    .transform((row): WindowFailure => ({
      host: row.host,
      failure: row.failure,
      text: row.text,
      atMs: Date.parse(row.at),
    })),
);

/** A window as people see it. */
export interface ListedWindow {
  cameraId: string;
  cameraName: string;
  windowStartMs: number;
  windowMs: number;
  state: 'open' | 'started' | 'done' | 'parked';
  generation: number;
  failures: WindowFailure[];
}

/** Windows in a state, oldest first. */
export function listWindows(
  db: Db,
  filter: { state: ListedWindow['state']; cameraId?: string | undefined; limit: number },
): Promise<ListedWindow[]> {
  return many(
    db,
    z
      .object({
        public_id: z.string(),
        name: z.string(),
        window_start_at: instant,
        window_ms: z.number(),
        state: z.enum(['open', 'started', 'done', 'parked']),
        generation: z.number(),
        failures: windowFailures,
      })
      .transform((row): ListedWindow => ({
        cameraId: row.public_id,
        cameraName: row.name,
        windowStartMs: row.window_start_at,
        windowMs: row.window_ms,
        state: row.state,
        generation: row.generation,
        failures: row.failures,
      })),
    `select c.public_id, c.name, w.window_start_at, w.window_ms, w.state, w.generation, w.failures
     from finish_window w join camera c on c.id = w.camera_id
     where w.state = $1::text and ($2::uuid is null or c.public_id = $2::uuid)
     order by w.window_start_at, c.public_id limit $3::int`,
    [filter.state, filter.cameraId ?? null, filter.limit],
  );
}

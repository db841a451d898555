import { z } from 'zod';
import { bigint, hex, instant } from './sql.ts';

/** What a row says of the object that holds its footage: its key, size and hash follow from it. */
export interface ObjectRow {
  startMs: number;
  durationMs: number;
  bytes: number;
  epoch: number;
  variant: number;
  /** Hex, of the object. */
  sha256: string;
}

/** The columns of `segment` and `deleted_segment` that `objectShape` reads. */
export const objectColumns = 'start_at, duration_ms, bytes, epoch, variant, sha256';

export const objectShape = z.object({
  start_at: instant,
  duration_ms: z.number(),
  bytes: bigint,
  epoch: z.number(),
  variant: z.number(),
  sha256: hex,
});

export function toObjectRow(row: z.output<typeof objectShape>): ObjectRow {
  return {
    startMs: row.start_at,
    durationMs: row.duration_ms,
    bytes: row.bytes,
    epoch: row.epoch,
    variant: row.variant,
    sha256: row.sha256,
  };
}
